// r1 chat: talk to a model in the terminal.
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <string>

#include "base/log.h"
#include "base/random.h"
#include "cli/verbs.h"
#include "engine/chat.h"
#include "engine/engine.h"
#include "text/stream.h"
#include "train/learner.h"
#include "train/run.h"

namespace r1 {
namespace {

struct ChatConfig {
  std::string model;
  std::string system;
  int64_t max_tokens = 1024;
  std::string dtype = "auto", kv_dtype = "auto";
  SamplingParams sampling{.temperature = 0.6f, .top_p = 0.95f};
  ComputeConfig compute;

  void visit(auto&& f) {
    f("model", model, "model folder");
    f("system", system, "system message");
    f("max_tokens", max_tokens, "tokens of one answer, at most");
    f("dtype", dtype, "weights: auto (as stored), f32 or bf16");
    f("kv_dtype", kv_dtype, "keys and values: auto (as the weights), f32 or bf16");
    sampling.visit(f);
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

Result<void> answer(const ChatConfig& config, Engine& engine, const Chat& chat, std::vector<Message>& messages, int turn) {
  Request request;
  R1_TRY(request.prompt, chat.prompt(messages));
  request.params = config.sampling;
  request.max_tokens = config.max_tokens;
  request.stop_tokens = chat.stop_tokens();
  request.streams = {stream_key({static_cast<uint64_t>(Purpose::kGenerate), static_cast<uint64_t>(turn)})};
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
  if (interrupted.load()) {
    log_info("(stopped)");
  } else if (reason == FinishReason::kLength) {
    log_info("(cut at the length limit; --max_tokens allows more)");
  }
  messages.push_back({.role = "assistant", .content = printer.content(), .reasoning_content = printer.reasoning()});
  return {};
}

Result<void> run_chat(ChatConfig& config) {
  if (config.model.empty()) return fail("model is not set; name a model folder: --model DIR");
  if (config.max_tokens < 1) return fail("max_tokens is {}; it must be at least 1", config.max_tokens);
  R1_TRY(const Machine machine, Machine::open(config.compute));
  R1_TRY(const LoadedModel loaded, load_model(config.model, config.dtype, StoreUse::kInference, machine.launch()));
  R1_TRY(const Chat chat, Chat::open(config.model, loaded.model->config()));
  R1_TRY(const Dtype kv_dtype, kv_dtype_of(config.kv_dtype, loaded.model->dtype()));
  EngineConfig engine_config;
  engine_config.max_sequences = 1;
  Engine engine(*loaded.model, kv_dtype, engine_config, machine.launch());
  struct sigaction action {};
  action.sa_handler = on_interrupt;  // no SA_RESTART: Ctrl-C at the prompt ends the reading of a line
  sigaction(SIGINT, &action, nullptr);
  const bool terminal = isatty(STDIN_FILENO) != 0;
  if (terminal) log_info("Ctrl-C stops an answer, /clear starts anew, /quit or Ctrl-D leaves");
  std::vector<Message> messages;
  const auto clear = [&] {
    messages.clear();
    if (!config.system.empty()) messages.push_back({.role = "system", .content = config.system});
  };
  clear();
  std::string line;
  for (int turn = 0;; ++turn) {
    if (terminal) std::printf("> "), std::fflush(stdout);
    if (!std::getline(std::cin, line)) {
      if (!interrupted.exchange(false) || std::cin.eof()) break;
      std::cin.clear();
      std::clearerr(stdin);
      std::printf("\n");
      continue;
    }
    if (line == "/quit" || line == "/exit") break;
    if (line == "/clear") {
      clear();
      continue;
    }
    if (line.empty()) continue;
    messages.push_back({.role = "user", .content = line});
    if (auto done = answer(config, engine, chat, messages, turn); !done) {
      if (!terminal) return fail_with(done.error());
      log_warn("{}; /clear starts anew", done.error().message);
      messages.pop_back();
    }
  }
  if (terminal) std::printf("\n");
  return {};
}

}  // namespace

Verb chat_verb() {
  Verb verb{"chat", "talk to a model in the terminal", {"r1 chat --model runs/quickstart/zero/final", "r1 chat --model DIR --temperature 0.6"}, {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    ChatConfig config;
    return run_verb(verb, config, args, run_chat);
  };
  return verb;
}

}  // namespace r1
