// r1 generate: completes a prompt.
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

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

using Json = nlohmann::ordered_json;

struct GenerateConfig {
  std::string model;
  std::string prompt;
  std::string ids;
  bool chat = false;
  int64_t max_tokens = 256;
  int n = 1;
  std::vector<std::string> stop;
  bool ignore_eos = false;
  bool json = false;
  bool logits = false;
  std::string dtype = "auto", kv_dtype = "auto";
  SamplingParams sampling;
  EngineConfig engine;
  ComputeConfig compute;

  void visit(auto&& f) {
    f("model", model, "model folder");
    f("prompt", prompt, "text to go on from");
    f("ids", ids, "token ids instead of a prompt: 1,403,407");
    f("chat", chat, "the prompt is a user message: apply the chat template");
    f("max_tokens", max_tokens, "tokens to generate, at most");
    f("n", n, "samples");
    f("stop", stop, "texts that end the generation");
    f("ignore_eos", ignore_eos, "go on after the end-of-sequence token");
    f("json", json, "print ids, text and log-probabilities as JSON");
    f("logits", logits, "with --json: also the logits after the prompt");
    f("dtype", dtype, "weights: auto (as stored), f32 or bf16");
    f("kv_dtype", kv_dtype, "keys and values: auto (as the weights), f32 or bf16");
    sampling.visit(f);
    f("engine", engine);
    f("compute", compute);
  }
};

Result<std::vector<int32_t>> parse_ids(const std::string& text) {
  std::vector<int32_t> ids;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    char* rest = nullptr;
    const long id = std::strtol(part.c_str(), &rest, 10);
    if (part.empty() || *rest != '\0' || id < 0 || id > INT32_MAX) {
      return fail("--ids takes numbers with commas between, not '{}'", part);
    }
    ids.push_back(static_cast<int32_t>(id));
    begin = end + 1;
  }
  return ids;
}

struct Session {
  Machine machine;
  LoadedModel loaded;
  std::optional<Chat> chat;  // absent: the folder has no tokenizer, ids only
  Dtype kv_dtype;
};

Result<Session> open_session(const GenerateConfig& config) {
  if (config.model.empty()) return fail("model is not set; name a model folder: --model DIR");
  R1_TRY(Machine machine, Machine::open(config.compute));
  R1_TRY(LoadedModel loaded, load_model(config.model, config.dtype, StoreUse::kInference, machine.launch()));
  R1_TRY(const Dtype kv_dtype, kv_dtype_of(config.kv_dtype, loaded.model->dtype()));
  auto chat = Chat::open(config.model, loaded.model->config());
  if (!chat && config.ids.empty()) return fail_with(chat.error());
  Session session{std::move(machine), std::move(loaded), std::nullopt, kv_dtype};
  if (chat) session.chat = *chat;
  return session;
}

Result<std::vector<int32_t>> make_prompt(const GenerateConfig& config, const Session& session) {
  if (!config.ids.empty()) return parse_ids(config.ids);
  if (config.chat) {
    if (!session.chat->has_template()) return fail("the model has no chat template; leave out --chat");
    return session.chat->prompt({{.role = "user", .content = config.prompt}});
  }
  return session.chat->raw(config.prompt);
}

/// Logits after the prompt, by one forward pass outside the engine.
std::vector<float> logits_after(const Session& session, const std::vector<int32_t>& prompt) {
  Arena arena;
  Context ctx{session.machine.launch(), arena, session.kv_dtype};
  TokenSequence s{prompt, std::vector<float>(prompt.size(), 0.0f)};
  s.tokens.push_back(0);  // the row of the last prompt token needs a target, whatever it is
  s.weights.push_back(1.0f);
  const Batch batch({&s});
  Tensor h = session.loaded.model->forward(ctx, batch.rows(), nullptr);
  const int32_t last = static_cast<int32_t>(prompt.size()) - 1;
  Tensor z = session.loaded.model->logits(ctx, h, std::span(&last, 1));
  return {z.f32(), z.f32() + z.numel()};
}

void print_json(const GenerateConfig& config, const Session& session, const std::vector<int32_t>& prompt,
                const std::vector<Completed>& all) {
  Json out{{"prompt_ids", prompt}, {"completions", Json::array()}};
  for (const Completed& done : all) {
    Json one{{"ids", done.tokens}, {"logprobs", done.logp}, {"finish_reason", finish_reason_name(done.reason)}};
    if (session.chat) one["text"] = session.chat->decode(done.tokens);
    out["completions"].push_back(one);
  }
  if (config.logits) out["logits"] = logits_after(session, prompt);
  std::printf("%s\n", out.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

Result<void> run_generate(GenerateConfig& config) {
  if (config.max_tokens < 1 || config.n < 1) return fail("max_tokens and n must be at least 1");
  R1_TRY(const Session session, open_session(config));
  R1_TRY(const std::vector<int32_t> prompt, make_prompt(config, session));
  const Transformer& model = *session.loaded.model;
  config.engine.max_sequences = std::min<int64_t>(config.engine.max_sequences, config.n);
  if (config.engine.max_length == 0) {
    config.engine.max_length = std::min<int64_t>(model.config().max_positions,
                                                 static_cast<int64_t>(prompt.size()) + config.max_tokens);
  }
  Engine engine(model, session.kv_dtype, config.engine, session.machine.launch());
  std::vector<Completed> all(config.n);
  Request request;
  request.prompt = prompt;
  request.params = config.sampling;
  request.max_tokens = config.max_tokens;
  if (!config.ignore_eos) {
    request.stop_tokens = session.chat ? session.chat->stop_tokens() : model.config().eos_token_ids;
  }
  request.streams.clear();
  std::vector<TokenStream> streams;
  for (int i = 0; i < config.n; ++i) {
    request.streams.push_back(stream_key({static_cast<uint64_t>(Purpose::kGenerate), static_cast<uint64_t>(i)}));
    if (session.chat) streams.emplace_back(session.chat->tokenizer(), config.stop);
  }
  const bool shows = !config.json && config.n == 1 && session.chat;
  request.on_token = [&](int sample, int32_t token, float) {
    if (streams.empty()) return true;
    const std::string text = streams[sample].push(token);
    if (shows) std::fputs(text.c_str(), stdout), std::fflush(stdout);
    return !streams[sample].is_stopped();
  };
  request.on_done = [&](Completed&& done) { all[done.sample] = std::move(done); };
  if (shows && !config.chat) std::fputs(config.prompt.c_str(), stdout);
  const Timer timer;
  R1_RETURN_IF_ERROR(engine.submit(std::move(request)));
  engine.run();
  if (config.json) {
    print_json(config, session, prompt, all);
    return {};
  }
  int64_t n_tokens = 0;
  for (const Completed& done : all) n_tokens += static_cast<int64_t>(done.tokens.size());
  if (shows) {
    std::printf("%s\n", streams[0].finish().c_str());
  } else if (session.chat) {
    for (const Completed& done : all) std::printf("--- sample %d\n%s\n", done.sample, session.chat->decode(done.tokens).c_str());
  } else {
    std::printf("%s\n", Json(all[0].tokens).dump().c_str());
  }
  log_info("{} tokens in {:.2f} s ({} tok/s)", n_tokens, timer.seconds(),
           human_count(static_cast<double>(n_tokens) / timer.seconds()));
  return {};
}

}  // namespace

Verb generate_verb() {
  Verb verb{"generate", "complete a prompt",
            {"r1 generate --model DIR --prompt 'Once upon a time' --max_tokens 100",
             "r1 generate --model DIR --ids 1,403,407 --temperature 0 --json"},
            {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    GenerateConfig config;
    return run_verb(verb, config, args, run_generate);
  };
  return verb;
}

}  // namespace r1
