-- report: one case of a benchmark as a table, and its goals as reached or missed.
-- The first measure of a benchmark is the one compared: smaller is better in all of them.
local statistics = require "runner.statistics"

local short = statistics.short

local report = {}

local function pad(text, width)
  return text .. (" "):rep(width - #text:gsub("[\128-\191]", ""))
end

local function print_rows(rows)
  local widths = {}
  for _, row in ipairs(rows) do
    for column, text in ipairs(row.is_text and {row[1]} or row) do
      widths[column] = math.max(widths[column] or 0, #text:gsub("[\128-\191]", ""))
    end
  end
  for _, row in ipairs(rows) do
    local cells = {}
    for column, text in ipairs(row) do cells[column] = pad(text, widths[column]) end
    print("  " .. table.concat(cells, "  "):gsub("%s+$", ""))
  end
end

--- Prints what a case gave. Ratios are to lacuna, or where it has no result to the limit program, and that is said.
---@param measures {name: string, title: string}[]
---@param results table<string, table> peer -> measure -> statistics, or `.reason`
---@param peers {name: string}[]
function report.print_case(measures, results, peers)
  local head = {"peer", measures[1].title, "(least–greatest)", "ratio"}
  for i = 2, #measures do head[#head + 1] = measures[i].title end
  local rows = {head}
  local base = results.lacuna and results.lacuna[measures[1].name]
  if not base then
    base = results.limit and results.limit[measures[1].name]
    print(base and "  no result of lacuna: the ratios are to limit" or "  no result of lacuna or limit: no ratios")
  end
  for _, peer in ipairs(peers) do
    local result = results[peer.name]
    if result.reason then
      rows[#rows + 1] = {peer.name, "skipped: " .. result.reason, is_text = true}
    else
      local first = result[measures[1].name]
      local row = {
        peer.name, short(first.median), ("(%s–%s)"):format(short(first.least), short(first.greatest)),
        base and short(first.median / base.median) or "-",
      }
      for i = 2, #measures do row[#row + 1] = short(result[measures[i].name].median) end
      rows[#rows + 1] = row
    end
  end
  print_rows(rows)
end

-- The goals of one kind: `most` is an upper bound in the measure's own unit, any other key a peer and the ratio to it.
local function check(kind, wanted, goal, results, verdicts)
  local measure, lacuna = goal.measure, results.lacuna
  if not lacuna or lacuna.reason then return end
  local mine = lacuna[measure]
  if goal.needs_cores then mine = lacuna.with_cores[measure] end
  for name, value in pairs(wanted or {}) do
    local verdict = {kind = kind, measure = measure, against = name, wanted = value}
    if not mine then
      verdict.found = nil
    elseif name == "most" then
      verdict.found, verdict.is_reached = mine.median, mine.median <= value
    elseif results[name] and results[name][measure] then
      verdict.found = results[name][measure].median / mine.median
      verdict.is_reached = verdict.found >= value
    end
    verdicts[#verdicts + 1] = verdict
  end
end

--- Compares a case with its goals and prints the verdicts.
---@param benchmark {goals: {case: string, measure: string, must?: table, reach?: table, needs_cores?: boolean}[]}
---@param case_name string
---@param results table
---@return table[] verdicts
function report.print_goals(benchmark, case_name, results)
  local verdicts = {}
  for _, goal in ipairs(benchmark.goals or {}) do
    if goal.case == case_name then
      check("must", goal.must, goal, results, verdicts)
      check("reach", goal.reach, goal, results, verdicts)
    end
  end
  table.sort(verdicts, function(a, b)
    if a.kind ~= b.kind then return a.kind < b.kind end
    return a.measure .. a.against < b.measure .. b.against
  end)
  for _, verdict in ipairs(verdicts) do
    local wanted
    if verdict.against == "most" then
      wanted = ("%s at most %s"):format(verdict.measure, short(verdict.wanted))
    else
      wanted = ("%s %s × %s"):format(verdict.measure, short(verdict.wanted), verdict.against)
    end
    local outcome = verdict.found == nil and "not measured"
      or ("%s (%s)"):format(verdict.is_reached and "reached" or "MISSED", short(verdict.found))
    print(("  %-5s  %s: %s"):format(verdict.kind, wanted, outcome))
  end
  return verdicts
end

return report
