-- For wrk: sends the bodies of a file, one a line, at random or each once, and sums up in one line.
local bodies, count, next_body, once = {}, 0, 0, false

function init(arguments)
    for line in io.lines(arguments[1]) do
        count = count + 1
        bodies[count] = line
    end
    once = arguments[2] == "once"
    math.randomseed(20260101)
end

function request()
    next_body = once and next_body % count + 1 or math.random(count)
    return wrk.format("POST", nil, nil, bodies[next_body])
end

function done(summary, latency)
    local e = summary.errors
    io.write(string.format("measured %d %d %d %d %d\n",
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
        e.status + e.connect + e.read + e.write + e.timeout))
end
