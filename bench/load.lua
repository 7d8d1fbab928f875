-- What wrk sends: METHOD PATH FILES DEPTH OCTETS. With FILES above 0, PATH is a pattern for their numbers.

function init(args)
   local method, path = args[1], args[2]
   local files, depth, octets = tonumber(args[3]), tonumber(args[4]), tonumber(args[5])
   wrk.method, wrk.path = method, path
   if octets > 0 then wrk.body = string.rep("w", octets) end
   if files > 0 then
      local requests, at = {}, 0
      for number = 0, files - 1 do
         requests[number + 1] = wrk.format(method, string.format(path, number))
      end
      request = function()
         at = at % files + 1
         return requests[at]
      end
   elseif depth > 1 then
      local together = string.rep(wrk.format(method, path), depth)
      request = function() return together end
   end
end

function done(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format(
      '\nmeasured {"requests": %d, "time_us": %d, "octets": %d, "p50_us": %d, "p99_us": %d, ' ..
      '"errors": %d, "refused": %d}\n',
      summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
      errors.connect + errors.read + errors.write + errors.timeout, errors.status))
end
