-- Every request is one of many visitors: all requests are written before the
-- first is sent, so that wrk stays out of the measurement.
local requests, next_one = {}, 0

init = function()
  for cookie in io.lines(list) do
    requests[#requests + 1] = wrk.format("GET", nil, {
      ["Cookie"] = cookie,
      ["Authorization"] = authorization,
      ["Accept"] = "text/html",
      ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    })
  end
end

request = function()
  next_one = next_one % #requests + 1
  return requests[next_one]
end
