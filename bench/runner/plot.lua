-- plot: how a cost grows, as an SVG: one panel for each line of cases, both axes logarithmic.
local statistics = require "runner.statistics"

local plot = {}

local PANEL_WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 480, 340, 62, 126, 34, 44
local COLOURS = {
  "#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf", "#ff7f0e",
  "#393b79", "#637939",
}

local function log10(x) return math.log(x) / math.log(10) end

local function escape(text)
  return (text:gsub("[&<>]", {["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;"}))
end

-- The powers of ten around a list of numbers.
local function decades(values)
  local least, greatest = math.huge, -math.huge
  for _, value in ipairs(values) do least, greatest = math.min(least, value), math.max(greatest, value) end
  local first, last = math.floor(log10(least) + 1e-9), math.ceil(log10(greatest) - 1e-9)
  return first, math.max(last, first + 1)
end

local function label(exponent)
  return exponent >= 0 and exponent <= 6 and ("%d"):format(10 ^ exponent) or ("1e%d"):format(exponent)
end

-- The points of each peer in one line of cases: name -> {{x, y}, …}, in order of x.
local function series_of(record, line, measure)
  local series = {}
  for _, case in ipairs(record.cases) do
    if case.line == line then
      for name, result in pairs(case.results) do
        local found = result[measure]
        if found and found.median > 0 then
          series[name] = series[name] or {}
          table.insert(series[name], {case.x, found.median})
        end
      end
    end
  end
  return series
end

-- Moves labels apart that would lie on each other.
local function spread(labels)
  table.sort(labels, function(a, b) return a.y < b.y end)
  for i = 2, #labels do labels[i].y = math.max(labels[i].y, labels[i - 1].y + 11) end
end

local function panel(out, left, title, described, series, takers)
  local xs, ys = {}, {}
  for _, points in pairs(series) do
    for _, point in ipairs(points) do
      xs[#xs + 1], ys[#ys + 1] = point[1], point[2]
    end
  end
  local x_first, x_last = decades(xs)
  local y_first, y_last = decades(ys)
  local function x_of(x)
    return left + LEFT + (log10(x) - x_first) / (x_last - x_first) * (PANEL_WIDTH - LEFT - RIGHT)
  end
  local function y_of(y)
    return HEIGHT - BOTTOM - (log10(y) - y_first) / (y_last - y_first) * (HEIGHT - TOP - BOTTOM)
  end
  local function add(text, ...) out[#out + 1] = text:format(...) end
  add('<text x="%d" y="20" font-weight="bold">%s</text>', left + LEFT, escape(title))
  for exponent = x_first, x_last do
    local x = x_of(10 ^ exponent)
    add('<path d="M%.1f %d V%d" stroke="#ddd"/>', x, TOP, HEIGHT - BOTTOM)
    add('<text x="%.1f" y="%d" text-anchor="middle">%s</text>', x, HEIGHT - BOTTOM + 15, label(exponent))
  end
  for exponent = y_first, y_last do
    local y = y_of(10 ^ exponent)
    add('<path d="M%d %.1f H%d" stroke="#ddd"/>', left + LEFT, y, left + PANEL_WIDTH - RIGHT)
    add('<text x="%d" y="%.1f" text-anchor="end">%s</text>', left + LEFT - 5, y + 4, label(exponent))
  end
  add('<text x="%d" y="%d">%s; %s</text>', left + LEFT, HEIGHT - 10, escape(described.x), escape(described.y))
  local labels = {}
  for index, peer in ipairs(takers) do
    local points = series[peer.name]
    if points then
      local path, colour = {}, COLOURS[(index - 1) % #COLOURS + 1]
      for i, point in ipairs(points) do
        path[i] = ("%.1f,%.1f"):format(x_of(point[1]), y_of(point[2]))
      end
      add('<polyline points="%s" fill="none" stroke="%s" stroke-width="%s"/>', table.concat(path, " "), colour,
        peer.name == "lacuna" and 3 or 1.2)
      local last = points[#points]
      labels[#labels + 1] = {
        x = x_of(last[1]) + 5, y = y_of(last[2]) + 4, colour = colour,
        text = ("%s %s"):format(peer.name, statistics.short(last[2])),
      }
    end
  end
  spread(labels)
  for _, at in ipairs(labels) do
    add('<text x="%.1f" y="%.1f" fill="%s">%s</text>', at.x, at.y, at.colour, escape(at.text))
  end
end

--- The SVG of a benchmark whose cases have an `x`, and a `line` if there are several.
---@param benchmark table its `.plot` names the measure and the axes
---@param record table what the runner measured
---@param takers {name: string}[]
---@return string svg
function plot.of(benchmark, record, takers)
  local lines, known = {}, {}
  for _, case in ipairs(record.cases) do
    if case.x and not known[case.line] then
      known[case.line] = true
      lines[#lines + 1] = case.line
    end
  end
  local out = {
    ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="11">')
      :format(PANEL_WIDTH * #lines, HEIGHT),
    '<rect width="100%" height="100%" fill="white"/>',
  }
  for i, line in ipairs(lines) do
    panel(out, (i - 1) * PANEL_WIDTH, line, benchmark.plot, series_of(record, line, benchmark.plot.measure), takers)
  end
  out[#out + 1] = "</svg>\n"
  return table.concat(out, "\n")
end

return plot
