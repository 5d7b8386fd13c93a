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

-- What host/mod/curl_client.c calls a failure, and "closed", which is the session's.
local kinds = {
  connect = { failures.ClientConnectorError, "cannot connect" },
  resolve = { failures.ClientConnectorError, "cannot find the host" },
  tls = { failures.ClientConnectorError, "cannot make a secure connection" },
  timeout = { errors.TimeoutError, "timed out" },
  payload = { failures.ClientPayloadError, "the response broke off" },
  disconnected = { failures.ServerDisconnectedError, "the server closed the connection without an answer" },
  response = { failures.ClientResponseError, "the server did not answer in HTTP" },
  url = { failures.InvalidURL, "not a valid URL" },
  closed = { failures.ClientConnectionError, "the session was closed" },
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
  local kind, detail, code, text = failure.kind, failure.detail, failure.code, failure.text
  local class, summary = unpack(kinds[kind] or kinds.other)
  local cause
  if code then
    cause = (system_errors[code] or errors.OSError)(text)
    cause.code = code
  end
  if kind == "connect" and text then detail = text end
  local err = class(("%s %s: %s%s"):format(method, url, summary, detail and ": " .. detail or ""), cause)
  err.method, err.url = method, url
  if kind == "response" then err.status = 0 end -- aiohttp's number for "there was none"
  return err
end

return failures
