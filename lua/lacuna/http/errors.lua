-- errors: the HTTP client's error classes, and which of them a failed transfer is.
-- Every message names the method and the URL, then says in words what went wrong; `.cause` is the system's own error.

local errors = require "lacuna.kernel.errors"

local ClientError = errors.Error:subclass("ClientError")
local ClientConnectionError = ClientError:subclass("ClientConnectionError")
local ClientResponseError = ClientError:subclass("ClientResponseError")

local failures = {
  ClientError = ClientError,
  ClientConnectionError = ClientConnectionError,
  ClientConnectorError = ClientConnectionError:subclass("ClientConnectorError"),
  ServerDisconnectedError = ClientConnectionError:subclass("ServerDisconnectedError"),
  ClientPayloadError = ClientError:subclass("ClientPayloadError"),
  ClientResponseError = ClientResponseError,
  ContentTypeError = ClientResponseError:subclass("ContentTypeError"),
  TooManyRedirects = ClientResponseError:subclass("TooManyRedirects"),
  InvalidURL = ClientError:subclass("InvalidURL"),
}

-- " after 2 s": the limit that has passed.
local function after(seconds)
  return seconds and (" after %g s"):format(seconds) or ""
end

-- The same for what limits the time until there is a connection.
local function after_connecting(timeout)
  local connect, total = timeout.connect, timeout.total
  return after(connect and total and math.min(connect, total) or connect or total)
end

-- What host/mod/curl_*.c calls a failure: its class, and what went wrong in words, of the exchange and of what
-- libcurl says. "closed" and "slot timeout" are the connector's.
local kinds = {
  connect = { failures.ClientConnectorError, function(_, failure)
    return "cannot connect: " .. (failure.text or failure.detail)
  end },
  resolve = { failures.ClientConnectorError, function(_, failure)
    local host = failure.detail:match("^Could not resolve host: (%S+)$")
    return host and "cannot find the host " .. host or "cannot find the host: " .. failure.detail
  end },
  tls = { failures.ClientConnectorError, "cannot make a secure connection" },
  timeout = { errors.TimeoutError, function(exchange)
    return "timed out" .. after(exchange.timeout.total)
  end },
  ["connect timeout"] = { errors.TimeoutError, function(exchange)
    return "timed out" .. after_connecting(exchange.timeout) .. ": no connection yet"
  end },
  ["slot timeout"] = { errors.TimeoutError, function(exchange)
    return "timed out" .. after_connecting(exchange.timeout) .. ": no connection came free"
  end },
  silent = { errors.TimeoutError, function(exchange)
    return ("timed out: the server has been silent for %g s"):format(exchange.timeout.sock_read)
  end },
  payload = { failures.ClientPayloadError, "the response broke off" },
  disconnected = { failures.ServerDisconnectedError, function(_, failure)
    return "the server closed the connection without an answer" .. (failure.text and ": " .. failure.text or "")
  end },
  response = { failures.ClientResponseError, "the server did not answer in HTTP" },
  url = { failures.InvalidURL, "not a valid URL" },
  closed = { failures.ClientConnectionError, "the session was closed" },
  released = { failures.ClientConnectionError, "the response was closed" },
  memory = { errors.Error, "out of memory" },
  other = { ClientError, "failed" },
}

local system_errors = {
  ECONNREFUSED = errors.ConnectionRefusedError,
  ECONNRESET = errors.ConnectionResetError,
  EPIPE = errors.ConnectionResetError,
}

--- The error for an exchange that failed.
---@param exchange lacuna.http.Exchange
---@return lacuna.BaseError
function failures.of_exchange(exchange)
  local method, url, failure = exchange.method, exchange.url, exchange.failure
  local class, words = unpack(kinds[failure.kind] or kinds.other)
  if type(words) == "function" then
    words = words(exchange, failure)
  elseif failure.detail then
    words = words .. ": " .. failure.detail
  end
  local cause
  if failure.code then
    cause = (system_errors[failure.code] or errors.OSError)(failure.text)
    cause.code = failure.code
  end
  local err = class(("%s %s: %s"):format(method, url, words), cause)
  err.method, err.url = method, url
  if failure.kind == "response" then err.status = 0 end -- aiohttp's number for "there was none"
  return err
end

return failures
