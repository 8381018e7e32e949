// r1 chat at a terminal: Ctrl-C stops the answer or the line, not the program.
#include <poll.h>
#include <pty.h>

#include "cli/program.h"

namespace r1 {
namespace {

/// The program on a terminal of its own.
class Terminal {
 public:
  explicit Terminal(const Args& args) {
    child_ = ::forkpty(&fd_, nullptr, nullptr, nullptr);
    if (child_ == 0) {
      std::vector<char*> argv{const_cast<char*>(R1_BINARY)};
      for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
      argv.push_back(nullptr);
      ::execv(R1_BINARY, argv.data());
      _exit(127);
    }
    EXPECT_GT(child_, 0);
  }
  ~Terminal() {
    if (child_ > 0) ::kill(child_, SIGKILL), ::waitpid(child_, nullptr, 0);
    ::close(fd_);
  }
  Terminal(const Terminal&) = delete;

  void type(const std::string& keys) {
    EXPECT_EQ(::write(fd_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }

  /// Reads on until `text` was shown after what earlier calls waited for; false after 20 s.
  bool shows(const std::string& text, size_t more_bytes = 0) {
    const auto start = std::chrono::steady_clock::now();
    while (true) {
      const size_t at = seen_.find(text, n_read_);
      if (at != std::string::npos && seen_.size() >= at + text.size() + more_bytes) {
        n_read_ = at + text.size();
        return true;
      }
      if (std::chrono::steady_clock::now() - start > std::chrono::seconds(20)) return false;
      pollfd ready{fd_, POLLIN, 0};
      if (::poll(&ready, 1, 200) <= 0) continue;
      char bytes[4096];
      const ssize_t n = ::read(fd_, bytes, sizeof bytes);
      if (n <= 0) return false;
      seen_.append(bytes, static_cast<size_t>(n));
    }
  }

  int exit_status() {
    int status = 0;
    EXPECT_EQ(::waitpid(child_, &status, 0), child_);
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  const std::string& seen() const { return seen_; }

 private:
  pid_t child_ = -1;
  int fd_ = -1;
  std::string seen_;
  size_t n_read_ = 0;
};

TEST(Chat, CtrlCStopsTheAnswerNotTheProgram) {
  const Scratch scratch;
  must_run(pretrain_args(scratch / "run", 1) + Args{"--new_model.max_positions", "100000"});
  // greedy, an untrained model repeats itself until the context is full: time enough to stop it
  Terminal terminal({"chat", "--model", (scratch / "run" / "final").string(), "--temperature", "0",
                     "--max_tokens", "90000"});
  ASSERT_TRUE(terminal.shows("> ")) << terminal.seen();
  terminal.type("8 a + 4 ?\n");
  ASSERT_TRUE(terminal.shows("?\r\n", 500)) << terminal.seen();
  terminal.type("\x03");
  ASSERT_TRUE(terminal.shows("(stopped)")) << terminal.seen();
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type("half a line\x03");
  ASSERT_TRUE(terminal.shows("> ")) << terminal.seen();
  terminal.type("/clear\n");
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type("/quit\n");
  EXPECT_EQ(terminal.exit_status(), 0);
}

}  // namespace
}  // namespace r1
