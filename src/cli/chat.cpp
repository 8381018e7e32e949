// r1 chat: talk to a model in the terminal.
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string>

#include "base/log.h"
#include "base/random.h"
#include "cli/verbs.h"
#include "engine/chat.h"
#include "engine/engine.h"
#include "text/stream.h"
#include "train/learner.h"
#include "train/open_model.h"

namespace r1 {
namespace {

struct ChatConfig {
  ModelOptions model;
  std::string system;
  int64_t max_tokens = 1024;
  SamplingParams sampling{.temperature = 0.6f, .top_p = 0.95f};
  int64_t speculate = 0;
  ComputeConfig compute;

  void visit(auto&& f) {
    model.visit(f);
    f("system", system, "system message");
    f("max_tokens", max_tokens, "tokens of one answer, at most");
    sampling.visit(f);
    f("speculate", speculate, EngineConfig::kSpeculateHelp);
    f("compute", compute);
  }
};

std::atomic<bool> interrupted{false};
void on_interrupt(int) { interrupted.store(true); }

/// Prints an answer as it comes: the thought dimmed, the content plain.
class Printer {
 public:
  Printer(const Tokenizer& tokenizer, bool starts_in_think)
      : stream_(tokenizer), splitter_(starts_in_think), colour_(isatty(STDOUT_FILENO) != 0) {}

  void push(int32_t token) { show(splitter_.feed(stream_.push(token))); }
  void finish() {
    show(splitter_.feed(stream_.finish()));
    show(splitter_.finish());
    dim(false);
    std::printf("\n");
    std::fflush(stdout);
  }
  const std::string& content() const { return content_; }
  const std::string& reasoning() const { return reasoning_; }

 private:
  void show(const std::vector<ThinkPiece>& pieces) {
    for (const ThinkPiece& piece : pieces) {
      dim(piece.is_reasoning);
      std::fputs(piece.text.c_str(), stdout);
      (piece.is_reasoning ? reasoning_ : content_) += piece.text;
    }
    std::fflush(stdout);
  }
  void dim(bool on) {
    if (on == dimmed_) return;
    if (colour_) std::fputs(on ? "\033[2m" : "\033[0m", stdout);
    if (!on) std::fputs("\n", stdout);
    dimmed_ = on;
  }

  TokenStream stream_;
  ThinkSplitter splitter_;
  bool colour_, dimmed_ = false;
  std::string content_, reasoning_;
};

Result<void> answer(const ChatConfig& config, Engine& engine, const Chat& chat,
                    std::vector<Message>& messages, int turn) {
  Request request;
  R1_TRY(request.prompt, chat.prompt(messages));
  request.params = config.sampling;
  request.max_tokens = config.max_tokens;
  request.stop_tokens = chat.stop_tokens();
  request.streams = {
      stream_key({static_cast<uint64_t>(Purpose::kGenerate), static_cast<uint64_t>(turn)})};
  Printer printer(chat.tokenizer(), chat.opens_think(request.prompt));
  request.on_token = [&](int, int32_t token, float) {
    printer.push(token);
    return !interrupted.load();
  };
  FinishReason reason = FinishReason::kStop;
  request.on_done = [&](Completed&& done) { reason = done.reason; };
  interrupted.store(false);
  R1_RETURN_IF_ERROR(engine.submit(std::move(request)));
  engine.run();
  printer.finish();
  if (interrupted.exchange(false)) {
    log_info("(stopped)");
  } else if (reason == FinishReason::kLength) {
    log_info("(cut at the length limit; --max_tokens allows more)");
  }
  messages.push_back({.role = "assistant",
                      .content = printer.content(),
                      .reasoning_content = printer.reasoning()});
  return {};
}

/// Holds Ctrl-C back while it lives; threads made meanwhile never take it.
class HeldInterrupt {
 public:
  HeldInterrupt() {
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    pthread_sigmask(SIG_BLOCK, &held, &before_);
  }
  ~HeldInterrupt() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  HeldInterrupt(const HeldInterrupt&) = delete;
  const sigset_t* before() const { return &before_; }

 private:
  sigset_t before_;
};

enum class Reading { kLine, kInterrupted, kEnd };

/// A line of standard input. Ctrl-C ends only the reading: std::getline would take it for the end.
/// It is let through while ppoll waits and nowhere else, so that none is missed.
Reading read_line(std::string& line) {
  const HeldInterrupt held;
  line.clear();
  while (true) {
    if (interrupted.exchange(false)) return Reading::kInterrupted;
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (::ppoll(&input, 1, nullptr, held.before()) < 0 && errno == EINTR) continue;
    char c;
    const ssize_t n = ::read(STDIN_FILENO, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return line.empty() ? Reading::kEnd : Reading::kLine;
    if (c == '\n') return Reading::kLine;
    line += c;
  }
}

/// Reads lines and answers them until the input ends.
Result<void> converse(const ChatConfig& config, Engine& engine, const Chat& chat) {
  const bool terminal = isatty(STDIN_FILENO) != 0;
  if (terminal) log_info("Ctrl-C stops an answer, /clear starts anew, /quit or Ctrl-D leaves");
  std::vector<Message> start, messages;
  if (!config.system.empty()) start.push_back({.role = "system", .content = config.system});
  messages = start;
  std::string line;
  for (int turn = 0;; ++turn) {
    if (terminal) std::printf("> "), std::fflush(stdout);
    const Reading reading = read_line(line);
    if (terminal && reading != Reading::kLine) std::printf("\n");
    if (reading == Reading::kEnd || line == "/quit" || line == "/exit") return {};
    if (line == "/clear") messages = start;
    if (reading == Reading::kInterrupted || line.empty() || line == "/clear") continue;
    messages.push_back({.role = "user", .content = line});
    if (auto done = answer(config, engine, chat, messages, turn); !done) {
      if (!terminal) return fail_with(done.error());
      log_warn("{}; /clear starts anew", done.error().message);
      messages.pop_back();
    }
  }
}

Result<Machine> open_machine(const ComputeConfig& config) {
  const HeldInterrupt held;
  return Machine::open(config);
}

Result<void> run_chat(ChatConfig& config) {
  if (config.max_tokens < 1) {
    return fail("max_tokens is {}; it must be at least 1", config.max_tokens);
  }
  R1_TRY(const Machine machine, open_machine(config.compute));
  R1_TRY(const OpenModel open, open_model(config.model, machine.launch(), config.speculate > 0));
  R1_TRY(const Chat chat, open.chat());
  EngineConfig engine_config;
  engine_config.max_sequences = 1;
  engine_config.speculate = config.speculate;
  R1_RETURN_IF_ERROR(engine_config.validate(open.model()));
  Engine engine(open.model(), open.kv_dtype, engine_config, machine.launch());
  if (!chat.has_template()) {
    log_warn("this model has no chat template: it goes on with your text instead of answering it");
  }
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  sigaction(SIGINT, &action, nullptr);
  R1_RETURN_IF_ERROR(converse(config, engine, chat));
  if (config.speculate > 0) log_info("{}", describe_speculation(engine.stats()));
  return {};
}

}  // namespace

Verb chat_verb() {
  Verb verb{"chat",
            "talk to a model in the terminal",
            {"r1 chat --model runs/quickstart/zero/final", "r1 chat --model DIR --temperature 0.6"},
            {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    ChatConfig config;
    return run_verb(verb, config, args, run_chat);
  };
  return verb;
}

}  // namespace r1
