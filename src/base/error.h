// Three ways to fail: Result (the outside is at fault), CHECK (we are), DeviceError (the machine
// is).
#pragma once

#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace r1 {

/// A failure whose cause lies outside: a file, a flag, a request, data. Says what, where and the
/// remedy.
struct Error {
  std::string message;

  /// Adds one fact from the storey above: "model runs/a: config.json: line 3: …".
  Error with(const std::string& context) const { return Error{context + ": " + message}; }
};

template <class T>
using Result = tl::expected<T, Error>;

template <class... Args>
tl::unexpected<Error> fail(fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Error>(Error{fmt::format(format, std::forward<Args>(args)...)});
}

inline tl::unexpected<Error> fail_with(const Error& error) { return tl::unexpected<Error>(error); }

/// Out of memory, a lost device, a dead rank. Caught in main and per request.
struct DeviceError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               const std::string& message);

}  // namespace r1

/// A broken contract of our own: prints the values and aborts.
#define CHECK(condition, ...)                                                            \
  do {                                                                                   \
    if (!(condition)) [[unlikely]]                                                       \
      ::r1::check_failed(__FILE__, __LINE__, #condition, ::fmt::format("" __VA_ARGS__)); \
  } while (0)

#define R1_CONCAT_(a, b) a##b
#define R1_CONCAT(a, b) R1_CONCAT_(a, b)

/// R1_TRY(auto x, read(path)): binds the value, or returns the error to the caller.
#define R1_TRY(declaration, expression)                                                            \
  auto R1_CONCAT(result_, __LINE__) = (expression);                                                \
  if (!R1_CONCAT(result_, __LINE__)) return ::r1::fail_with(R1_CONCAT(result_, __LINE__).error()); \
  declaration = std::move(*R1_CONCAT(result_, __LINE__))

/// R1_RETURN_IF_ERROR(write(path)): for Result<void>.
#define R1_RETURN_IF_ERROR(expression)                                                  \
  do {                                                                                  \
    if (auto result_ = (expression); !result_) return ::r1::fail_with(result_.error()); \
  } while (0)
