#include "base/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <thread>

namespace r1 {
namespace {

std::string captured(const std::function<void()>& action) {
  testing::internal::CaptureStderr();
  action();
  return testing::internal::GetCapturedStderr();
}

/// What the action writes to standard error while that is a terminal of so many columns.
std::string on_terminal(unsigned short columns, const std::function<void()>& action) {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (terminal < 0 || ::grantpt(terminal) != 0 || ::unlockpt(terminal) != 0) return "";
  const int inside = ::open(::ptsname(terminal), O_RDWR | O_NOCTTY);
  winsize size{};
  size.ws_col = columns;
  ::ioctl(terminal, TIOCSWINSZ, &size);
  const int saved = ::dup(STDERR_FILENO);
  ::dup2(inside, STDERR_FILENO);
  action();
  ::dup2(saved, STDERR_FILENO);
  ::close(inside);  // the last writer: now reading comes to an end, and not before all is there
  std::string text;
  char part[4096];
  for (ssize_t n; (n = ::read(terminal, part, sizeof part)) > 0;) {
    text.append(part, static_cast<size_t>(n));
  }
  for (int fd : {saved, terminal}) ::close(fd);
  return text;
}

TEST(Log, WritesOneLineWithItsLevel) {
  EXPECT_EQ(captured([] {
              log_info("loss {:.2f}", 1.25);
              log_warn("slow");
              log_text(LogLevel::kError, "bad");
              log_text(LogLevel::kDebug, "hidden");
            }),
            "loss 1.25\nwarning: slow\nerror: bad\n");
}

TEST(Log, KeepsQuietBelowItsLevel) {
  EXPECT_EQ(captured([] {
              set_log_level(LogLevel::kError);
              log_warn("hidden");
              Progress progress("hidden", 10);
              progress.update(1, "");
              progress.finish();
              set_log_level(LogLevel::kQuiet);
              log_text(LogLevel::kError, "hidden");
              set_log_level(LogLevel::kInfo);
            }),
            "");
}

TEST(Progress, WritesOnePlainLineAtTheEndWhenNotOnATerminal) {
  const std::string text = captured([] {
    Progress progress("train", 200);
    for (int i = 1; i <= 50; ++i) progress.update(i, "loss 1.5");
    progress.finish();
    progress.finish();
  });
  EXPECT_TRUE(text.starts_with("train 50/200  25%  loss 1.5  0.0s, ")) << text;
  EXPECT_TRUE(text.ends_with(" left\n")) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST(Progress, OfNoWorkWritesNothing) {
  EXPECT_EQ(captured([] { Progress progress("idle", 5); }), "");
}

TEST(Progress, WithoutATotalCountsOnly) {
  EXPECT_EQ(captured([] {
              Progress progress("read", 0);
              progress.update(7, "");
            }),
            "read 7  0.0s\n");
}

TEST(Progress, RedrawsOneLineOnATerminalAtMostTenTimesASecond) {
  const std::string text = on_terminal(80, [] {
    Progress progress("train", 4);
    for (int i = 1; i <= 4; ++i) progress.update(i, i < 2 ? "a longer note" : "short");
    progress.finish();
  });
  if (text.empty()) GTEST_SKIP() << "no pseudo-terminal here";
  EXPECT_TRUE(text.starts_with("\rtrain 1/4  25% [#####...............]  a longer note")) << text;
  EXPECT_NE(text.find("\rtrain 4/4 100% [####################]  short  0.0s "), std::string::npos);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\r'), 3);  // two drawings and the line's end
}

TEST(Progress, NeverWrapsOnANarrowTerminal) {
  const std::string text = on_terminal(12, [] {
    Progress progress("тренировка модели", 4);
    progress.update(1, "");
    progress.finish();
  });
  if (text.empty()) GTEST_SKIP() << "no pseudo-terminal here";
  EXPECT_EQ(text, "\rтренировка \rтренировка \r\n");  // 11 characters, and the terminal's "\r\n"
}

TEST(Progress, MakesRoomForALogLine) {
  const std::string text = on_terminal(20, [] {
    Progress progress("ab", 0);
    progress.update(1, "");
    log_info("hello");
    progress.finish();
  });
  if (text.empty()) GTEST_SKIP() << "no pseudo-terminal here";
  EXPECT_EQ(text, "\rab 1  0.0s\r          \rhello\r\nab 1  0.0s\rab 1  0.0s\r\n");
}

TEST(Human, WritesBytesCountsAndTimes) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1536.0 * 1024 * 1024), "1.5 GiB");
  EXPECT_EQ(human_bytes(1048575), "1.0 MiB");
  EXPECT_EQ(human_count(7), "7");
  EXPECT_EQ(human_count(339000), "339k");
  EXPECT_EQ(human_count(1.2e6), "1.2M");
  EXPECT_EQ(human_count(999600), "1.0M");
  EXPECT_EQ(human_count(671e9), "671B");
  EXPECT_EQ(human_count(-1500), "-1.5k");
  EXPECT_EQ(human_seconds(0.25), "0.2s");
  EXPECT_EQ(human_seconds(42), "42s");
  EXPECT_EQ(human_seconds(59.6), "1m 00s");
  EXPECT_EQ(human_seconds(125), "2m 05s");
  EXPECT_EQ(human_seconds(3725), "1h 02m");
  EXPECT_EQ(human_seconds(90000), "1d 01h");
  EXPECT_EQ(human_seconds(NAN), "?");
  EXPECT_EQ(human_seconds(INFINITY), "?");
}

TEST(Timer, RunsForward) {
  const Timer timer;
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  EXPECT_GE(timer.seconds(), 0.002);
}

}  // namespace
}  // namespace r1
