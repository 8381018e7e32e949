// A small HTTP server for one person on this machine: 127.0.0.1 only, bodies of limited size.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/error.h"

namespace r1 {

struct ServerRequest {
  std::string method, path, body;
  std::map<std::string, std::string> query;
  std::map<std::string, std::string> headers;  // names in lower case
};

struct ServerReply {
  int status = 200;
  std::string body = {};
  std::string content_type = "application/json";
  std::map<std::string, std::string> headers = {};
};

/// Handlers run on several threads at once. GET and POST only; a body that is longer than max_body
/// is refused with 413 before it is read.
class LocalServer {
 public:
  using Handler = std::function<ServerReply(const ServerRequest&)>;

  /// port 0: any that is free.
  static Result<std::unique_ptr<LocalServer>> bind(int port, int64_t max_body, Handler handler);
  LocalServer();  // serves nothing: use bind
  ~LocalServer();

  int port() const { return port_; }
  /// Serves until stop() is called, from another thread; a stop before run counts, too.
  void run();
  void stop();

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
  int port_ = 0;
};

}  // namespace r1
