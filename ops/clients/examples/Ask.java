import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

class Ask {
    static final String QUESTION = """
        {"query": "query Recognised($tin: TIN!, $in: AdministrationCode!, $early: AsOf, $late: AsOf) {\
           early: recognition(tin: $tin, in: $in, asOf: $early) { outcome reasons { code message } }\
           late: recognition(tin: $tin, in: $in, asOf: $late) { outcome reasons { code message } }\
         }",
         "variables": {
           "tin": "CN0000000012",
           "in": "SG",
           "early": {"at": "2026-03-05T00:00:00Z", "knownAt": "2026-03-06T00:00:00Z"},
           "late": {"at": "2026-03-05T00:00:00Z", "knownAt": "2026-03-11T00:00:00Z"}
         }}
        """;

    public static void main(String[] arguments) throws Exception {
        HttpRequest request = HttpRequest.newBuilder()
            .uri(URI.create(System.getenv("REGISTRY_URL") + "/graphql"))
            .header("Authorization", "Bearer " + System.getenv("REGISTRY_TOKEN"))
            .header("Content-Type", "application/json")
            .timeout(Duration.ofSeconds(10))
            .POST(HttpRequest.BodyPublishers.ofString(QUESTION))
            .build();
        HttpResponse<String> answer = HttpClient.newHttpClient()
            .send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new IllegalStateException(answer.statusCode() + " " + answer.body());
        }
        System.out.println(answer.body());
    }
}
