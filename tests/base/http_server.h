// Servers inside a test, at ports of their own.
#pragma once

#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

namespace r1 {

class TestServer {
 public:
  /// Handlers are set on server() before start().
  httplib::Server& server() { return server_; }
  void start() {
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~TestServer() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  httplib::Server server_;
  std::thread thread_;
  int port_ = 0;
};

/// Takes one connection after the other, sends each the same bytes, then hangs up or waits.
class RawServer {
 public:
  RawServer(std::string reply, bool hangs_up) : reply_(std::move(reply)), hangs_up_(hangs_up) {
    socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    EXPECT_EQ(::listen(socket_, 16), 0);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { serve(); });
  }
  ~RawServer() {
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    ::close(socket_);
  }
  std::string url() const { return url_; }

 private:
  void serve() {
    std::vector<int> open;
    for (int peer; (peer = ::accept(socket_, nullptr, nullptr)) >= 0;) {
      (void)!::send(peer, reply_.data(), reply_.size(), MSG_NOSIGNAL);
      if (hangs_up_) {
        ::close(peer);
      } else {
        open.push_back(peer);
      }
    }
    for (const int peer : open) ::close(peer);
  }

  int socket_;
  std::string reply_, url_;
  bool hangs_up_;
  std::thread thread_;
};

}  // namespace r1
