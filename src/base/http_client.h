// HTTP and HTTPS requests to other programs' servers, with hard limits on time and size.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace r1 {

struct HttpOptions {
  double timeout_s = 60;        // of a whole request, from the connection to the last byte
  int64_t max_body = 16 << 20;  // bytes of a reply, unpacked
  std::string bearer = {};      // sent as "Authorization: Bearer …"; never part of an error
};

struct HttpRequest {
  std::string path;  // after the base of the client: "/chat/completions"
  std::string body = {};
  std::string method = "POST";
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};
};

struct HttpReply {
  int status = 0;                              // any: 404 is a reply, too
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  bool ok() const { return status >= 200 && status < 300; }
  /// Seconds that the server asks to wait (Retry-After), or -1.
  double retry_after() const;
};

/// Each request has a connection of its own. Redirections are not followed, so that a key goes
/// nowhere else; certificates are verified. Any thread may call send.
class HttpClient {
 public:
  /// url: http://host[:port][/base] or https://…; the base stands before every path.
  static Result<HttpClient> open(const std::string& url, const HttpOptions& options = {});

  /// An error means that there is no whole reply: no connection, out of time, cut off, too long.
  /// With on_data the body goes there piece by piece instead (a stream); false ends the request.
  Result<HttpReply> send(const HttpRequest& request,
                         const std::function<bool(std::string_view)>& on_data = {}) const;

  const std::string& url() const { return url_; }

 private:
  HttpClient(std::string url, std::string origin, std::string base, HttpOptions options)
      : url_(std::move(url)),
        origin_(std::move(origin)),
        base_(std::move(base)),
        options_(std::move(options)) {}
  std::string url_, origin_, base_;
  HttpOptions options_;
};

}  // namespace r1
