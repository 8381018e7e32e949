#include "base/http_client.h"

#include <httplib.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace r1 {
namespace {

/// A peer that hangs up while we write is an error of this request, not the end of the program.
class NoPipeSignal {
 public:
  NoPipeSignal() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoPipeSignal() {
    const timespec now{};
    while (!sigismember(&before_, SIGPIPE) && sigtimedwait(&pipe_, nullptr, &now) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoPipeSignal(const NoPipeSignal&) = delete;

 private:
  sigset_t pipe_, before_;
};

/// Ends a request whose time is up. The library's own limits are those of single reads, so that a
/// server which sends a byte now and then would hold it for ever.
class Deadline {
 public:
  Deadline(httplib::Client& client, double seconds)
      : end_(std::chrono::steady_clock::now() +
             std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                 std::chrono::duration<double>(seconds))),
        thread_([this, &client] { watch(client); }) {}
  ~Deadline() {
    {
      const std::lock_guard lock(mutex_);
      is_done_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  bool is_over() const { return std::chrono::steady_clock::now() >= end_; }

 private:
  void watch(httplib::Client& client) {
    std::unique_lock lock(mutex_);
    auto until = end_;
    while (!changed_.wait_until(lock, until, [this] { return is_done_; })) {
      client.stop();  // again and again: it misses a connection that is just being made
      until = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
    }
  }

  const std::chrono::steady_clock::time_point end_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_done_ = false;
  std::thread thread_;
};

bool is_clean(const std::string& text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

/// "name", "name:80", "[::1]:80".
bool is_host(const std::string& text) {
  const size_t bracket = text.starts_with('[') ? text.find(']') : 0;
  if (text.empty() || bracket == text.npos) return false;
  const size_t colon = text.find(':', bracket);
  if (colon == 0 || text.find_first_of("@?#[] ", bracket + 1) != text.npos) return false;
  if (colon == text.npos) return true;
  const std::string port = text.substr(colon + 1);
  return !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == port.npos &&
         std::stoi(port) >= 1 && std::stoi(port) <= 65535;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

Result<httplib::Request> make_request(const HttpRequest& request, const std::string& base,
                                      const std::string& bearer) {
  httplib::Request out;
  out.method = request.method;
  out.path = base + request.path;
  if (out.path.empty()) out.path += '/';
  out.body = request.body;
  if (!request.body.empty()) out.headers.emplace("Content-Type", request.content_type);
  if (!bearer.empty()) out.headers.emplace("Authorization", "Bearer " + bearer);
  for (const auto& [name, value] : request.headers) {
    if (!is_clean(name) || !is_clean(value)) return fail("a header holds a control character");
    out.headers.emplace(name, value);
  }
  return out;
}

}  // namespace

double HttpReply::retry_after() const {
  const auto found = headers.find("retry-after");
  if (found == headers.end() || found->second.empty() || found->second.size() > 9) return -1;
  for (const char c : found->second) {
    if (c < '0' || c > '9') return -1;  // a date: as if it were not there
  }
  return std::stod(found->second);
}

Result<HttpClient> HttpClient::open(const std::string& url, const HttpOptions& options) {
  const size_t scheme = url.starts_with("http://") ? 7 : url.starts_with("https://") ? 8 : 0;
  const size_t path = std::min(url.find('/', scheme), url.size());
  const std::string host = url.substr(scheme, path - scheme);
  if (url.find_first_of("@?#") != url.npos)
    return fail("an address holds no user, key or query: it looks like https://host:port/base");
  if (scheme == 0 || !is_host(host) || !is_clean(url)) {
    return fail("'{}' is no address; it looks like http://host:port/base or https://host/base",
                url);
  }
  if (!(options.timeout_s > 0) || options.timeout_s > 1e6 || options.max_body < 1)
    return fail("{}: the limits on time and size must be above 0", url);
  if (!is_clean(options.bearer)) return fail("{}: the key holds a control character", url);
  std::string base = url.substr(path);
  while (base.ends_with('/')) base.pop_back();
  return HttpClient(url, url.substr(0, path), std::move(base), options);
}

Result<HttpReply> HttpClient::send(const HttpRequest& request,
                                   const std::function<bool(std::string_view)>& on_data) const {
  R1_TRY(httplib::Request sent, make_request(request, base_, options_.bearer));
  const NoPipeSignal quiet;
  httplib::Client client(origin_);
  const auto limit = std::chrono::milliseconds(
      static_cast<int64_t>(std::ceil(1e3 * std::min(options_.timeout_s, 1e6))));
  client.set_connection_timeout(limit);
  client.set_read_timeout(limit);
  client.set_write_timeout(limit);
  client.set_tcp_nodelay(true);
  const Deadline deadline(client, options_.timeout_s);
  HttpReply reply;
  int64_t n_bytes = 0;
  bool is_long = false;
  sent.content_receiver = [&](const char* data, size_t size, uint64_t, uint64_t) {
    n_bytes += static_cast<int64_t>(size);
    is_long = n_bytes > options_.max_body;
    if (is_long || deadline.is_over()) return false;
    if (on_data) return on_data({data, size});
    reply.body.append(data, size);
    return true;
  };
  httplib::Response received;
  auto error = httplib::Error::Success;
  const bool is_whole = client.send(sent, received, error);
  if (is_long) return fail("{}: the reply has more than {} bytes", url_, options_.max_body);
  if (!is_whole && deadline.is_over())
    return fail("{}: no whole reply within {} s", url_, options_.timeout_s);
  if (!is_whole) return fail("{}: no whole reply ({})", url_, lower(httplib::to_string(error)));
  reply.status = received.status;
  for (const auto& [name, value] : received.headers) reply.headers[lower(name)] = value;
  return reply;
}

}  // namespace r1
