#include "base/local_server.h"

#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace r1 {
namespace {

constexpr const char* kHost = "127.0.0.1";
constexpr int kThreads = 4;
constexpr time_t kTimeout = 10;  // seconds for a request to arrive

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

ServerRequest request_of(const httplib::Request& from) {
  ServerRequest request{from.method, from.path, from.body, {}, {}};
  for (const auto& [name, value] : from.params) request.query.emplace(name, value);
  for (const auto& [name, value] : from.headers) request.headers.emplace(lower(name), value);
  return request;
}

}  // namespace

struct LocalServer::Inside {
  httplib::Server server;
  std::mutex mutex;
  std::condition_variable ended;
  bool is_running = false, is_stopped = false;
};

LocalServer::LocalServer() : inside_(std::make_unique<Inside>()) {}
LocalServer::~LocalServer() { stop(); }

void LocalServer::run() {
  {
    const std::lock_guard lock(inside_->mutex);
    if (inside_->is_stopped) return;
    inside_->is_running = true;
  }
  inside_->server.listen_after_bind();
  const std::lock_guard lock(inside_->mutex);
  inside_->is_running = false;
  inside_->ended.notify_all();
}

void LocalServer::stop() {
  std::unique_lock lock(inside_->mutex);
  inside_->is_stopped = true;
  // httplib forgets a stop that comes before its loop has begun.
  while (inside_->is_running) {
    inside_->server.stop();
    inside_->ended.wait_for(lock, std::chrono::milliseconds(20));
  }
}

Result<std::unique_ptr<LocalServer>> LocalServer::bind(int port, int64_t max_body,
                                                       Handler handler) {
  auto made = std::make_unique<LocalServer>();
  httplib::Server& server = made->inside_->server;
  // Not SO_REUSEPORT, httplib's default: a second server at the same port is an error.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  server.set_payload_max_length(static_cast<size_t>(max_body));
  server.set_read_timeout(kTimeout);
  server.set_write_timeout(kTimeout);
  server.new_task_queue = [] { return std::make_unique<httplib::ThreadPool>(kThreads).release(); };
  const auto serve = [handler](const httplib::Request& request, httplib::Response& response) {
    ServerReply reply = handler(request_of(request));
    response.status = reply.status;
    for (const auto& [name, value] : reply.headers) response.set_header(name, value);
    response.set_content(std::move(reply.body), reply.content_type);
  };
  server.Get(".*", serve);
  server.Post(".*", serve);
  if (port == 0) {
    made->port_ = server.bind_to_any_port(kHost);
    if (made->port_ <= 0) return fail("cannot listen on {}: no port is free", kHost);
    return made;
  }
  if (port < 1 || port > 65535) return fail("port is {}; it is 1 to 65535, or 0 for any", port);
  if (!server.bind_to_port(kHost, port))
    return fail("cannot listen on {}:{}: the port is taken; choose another --port, or 0 for any",
                kHost, port);
  made->port_ = port;
  return made;
}

}  // namespace r1
