-- statistics: what is said of a list of measurements.
local statistics = {}

--- The median, the least and the greatest.
---@param values number[] at least one
---@return {median: number, least: number, greatest: number, count: integer}
function statistics.of(values)
  local sorted = {unpack(values)}
  table.sort(sorted)
  local count = #sorted
  local middle = (sorted[math.floor((count + 1) / 2)] + sorted[math.ceil((count + 1) / 2)]) / 2
  return {median = middle, least = sorted[1], greatest = sorted[count], count = count}
end

--- A number with three digits that matter.
---@param number number
---@return string
function statistics.short(number)
  if number ~= number or number == math.huge then return "-" end
  local size = math.abs(number)
  if size >= 100 then return ("%.0f"):format(number) end
  if size >= 10 then return ("%.1f"):format(number) end
  if size >= 1 then return ("%.2f"):format(number) end
  return ("%.3f"):format(number)
end

return statistics
