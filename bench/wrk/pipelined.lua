-- 16 requests in one write; wrk then awaits 16 responses
init = function(args)
  local all = {}
  for i = 1, 16 do
    all[i] = wrk.format()
  end
  pipelined = table.concat(all)
end

request = function()
  return pipelined
end
