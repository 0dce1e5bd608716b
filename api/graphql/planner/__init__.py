"""From a GraphQL selection to one SQL statement. What is not covered here is executed as ever."""
