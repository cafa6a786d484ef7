-- wrk: POST the body in $BODY to every request; tell the counts as one line of JSON.
wrk.method = "POST"
wrk.body = os.getenv("BODY")
wrk.headers["Content-Type"] = "application/json"

-- $UNITS: so many users ask, one after the other.
local units = tonumber(os.getenv("UNITS") or "0")
if units > 0 then
  local n = 0
  request = function()
    n = (n * 16807 + 7) % 2147483647
    wrk.headers["x-legion-unit"] = "u" .. (n % units)
    return wrk.format()
  end
end

done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('JSON {"requests": %d, "seconds": %.6f, "p50_us": %d, "p99_us": %d, "bad_status": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99), e.status,
    e.connect + e.read + e.write + e.timeout))
end
