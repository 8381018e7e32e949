// r1 generate: completes a prompt.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

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

using Json = nlohmann::ordered_json;

struct GenerateConfig {
  ModelOptions model;
  std::string prompt;
  std::string ids;
  bool chat = false;
  int64_t max_tokens = 256;
  int n = 1;
  std::vector<std::string> stop;
  bool ignore_eos = false;
  bool json = false;
  bool logits = false;
  SamplingParams sampling;
  EngineConfig engine;
  ComputeConfig compute;

  void visit(auto&& f) {
    model.visit(f);
    f("prompt", prompt, "text to go on from");
    f("ids", ids, "token ids instead of a prompt: 1,403,407");
    f("chat", chat, "the prompt is a user message: apply the chat template");
    f("max_tokens", max_tokens, "tokens to generate, at most");
    f("n", n, "samples");
    f("stop", stop, "texts that end the generation");
    f("ignore_eos", ignore_eos, "go on after the end-of-sequence token");
    f("json", json, "print ids, text and log-probabilities as JSON");
    f("logits", logits, "with --json: also the logits after the prompt");
    sampling.visit(f);
    f("engine", engine);
    f("speculate", engine.speculate, EngineConfig::kSpeculateHelp);
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
  OpenModel open;
  std::optional<Chat> chat;  // absent: the folder has no tokenizer, ids only

  const Transformer& model() const { return open.model(); }
};

Result<Session> open_session(const GenerateConfig& config) {
  R1_TRY(Machine machine, Machine::open(config.compute));
  R1_TRY(OpenModel open, open_model(config.model, machine.launch(), config.engine.speculate > 0));
  auto chat = open.chat();
  if (!chat && config.ids.empty())
    return fail_with(chat.error().with("--prompt needs a tokenizer, --ids does not"));
  Session session{std::move(machine), std::move(open), std::nullopt};
  if (chat) session.chat = *chat;
  return session;
}

Result<std::vector<int32_t>> make_prompt(const GenerateConfig& config, const Session& session) {
  if (!config.ids.empty()) return parse_ids(config.ids);
  if (config.chat) {
    if (!session.chat->has_template())
      return fail("the model has no chat template; leave out --chat");
    return session.chat->prompt({{.role = "user", .content = config.prompt}});
  }
  return session.chat->raw(config.prompt);
}

/// Logits after the prompt, by one forward pass outside the engine.
std::vector<float> logits_after(const Session& session, const std::vector<int32_t>& prompt) {
  Arena arena;
  Context ctx{session.machine.launch(), arena, session.open.kv_dtype};
  TokenSequence s{prompt, std::vector<float>(prompt.size(), 0.0f)};
  s.tokens.push_back(0);  // the row of the last prompt token needs a target, whatever it is
  s.weights.push_back(1.0f);
  const Batch batch({&s});
  Tensor h = session.model().forward(ctx, batch.rows(), nullptr);
  const int32_t last = static_cast<int32_t>(prompt.size()) - 1;
  Tensor z = session.model().logits(ctx, h, std::span(&last, 1));
  return {z.f32(), z.f32() + z.numel()};
}

/// What came of each sample.
struct Samples {
  std::vector<Completed> completed;
  std::vector<std::string> texts;  // what follows the prompt, cut before a stop text
  EngineStats stats;
};

Result<EngineConfig> engine_for(const GenerateConfig& config, int64_t n_prompt,
                                const Transformer& model) {
  const int64_t max_positions = model.config().max_positions;
  EngineConfig engine = config.engine;
  R1_RETURN_IF_ERROR(engine.validate(model));
  engine.max_sequences = std::min<int64_t>(engine.max_sequences, config.n);
  if (engine.max_length == 0 && engine.n_pages == 0) {  // no more memory than this prompt needs
    const int64_t most = n_prompt + std::min(config.max_tokens, max_positions);
    engine.max_length = std::clamp<int64_t>(most, 2, max_positions);
  }
  return engine;
}

Request request_for(const GenerateConfig& config, const Session& session,
                    const std::vector<int32_t>& prompt) {
  Request request;
  request.prompt = prompt;
  request.params = config.sampling;
  request.max_tokens = config.max_tokens;
  if (!config.ignore_eos) {
    request.stop_tokens =
        session.chat ? session.chat->stop_tokens() : session.model().config().eos_token_ids;
  }
  request.streams.clear();
  for (int i = 0; i < config.n; ++i) {
    request.streams.push_back(
        stream_key({static_cast<uint64_t>(Purpose::kGenerate), static_cast<uint64_t>(i)}));
  }
  return request;
}

/// One for each sample; none without a tokenizer.
std::vector<TokenStream> text_streams(const GenerateConfig& config, const Session& session,
                                      const std::vector<int32_t>& prompt) {
  if (!session.chat) return {};
  TokenStream stream(session.chat->tokenizer(), config.stop);
  for (const int32_t id : prompt) {
    if (!config.chat) stream.skip(id);  // an answer begins anew, a continuation does not
  }
  return std::vector<TokenStream>(config.n, stream);
}

/// Shows a single sample as it comes; others are only collected.
Result<Samples> sample(const GenerateConfig& config, const Session& session,
                       const std::vector<int32_t>& prompt, bool shows) {
  const Transformer& model = session.model();
  R1_TRY(const EngineConfig engine_config,
         engine_for(config, static_cast<int64_t>(prompt.size()), model));
  Engine engine(model, session.open.kv_dtype, engine_config, session.machine.launch());
  Samples samples{std::vector<Completed>(config.n), std::vector<std::string>(config.n), {}};
  std::vector<TokenStream> streams = text_streams(config, session, prompt);
  const auto add = [&](int i, const std::string& text) {
    samples.texts[i] += text;
    if (shows) std::fputs(text.c_str(), stdout), std::fflush(stdout);
  };
  Request request = request_for(config, session, prompt);
  request.on_token = [&](int i, int32_t token, float) {
    if (streams.empty()) return true;
    add(i, streams[i].push(token));
    return !streams[i].is_stopped();
  };
  request.on_done = [&](Completed&& done) {
    if (!streams.empty()) add(done.sample, streams[done.sample].finish());
    samples.completed[done.sample] = std::move(done);
  };
  R1_RETURN_IF_ERROR(engine.submit(std::move(request)));
  if (shows && !config.chat) std::fputs(config.prompt.c_str(), stdout);
  engine.run();
  if (shows) std::printf("\n");
  samples.stats = engine.stats();
  return samples;
}

void print_json(const GenerateConfig& config, const Session& session,
                const std::vector<int32_t>& prompt, const Samples& samples) {
  Json out{{"prompt_ids", prompt}, {"completions", Json::array()}};
  for (const Completed& done : samples.completed) {
    Json one{{"ids", done.tokens},
             {"logprobs", done.logp},
             {"finish_reason", finish_reason_name(done.reason)}};
    if (session.chat) one["text"] = samples.texts[done.sample];
    out["completions"].push_back(one);
  }
  if (config.engine.speculate > 0) {
    out["spec/n_drafted"] = samples.stats.n_drafted;
    out["spec/n_accepted"] = samples.stats.n_accepted;
    out["spec/acceptance_rate"] = samples.stats.acceptance_rate();
  }
  if (config.logits) out["logits"] = logits_after(session, prompt);
  std::printf("%s\n", out.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

void print_text(const GenerateConfig& config, const Session& session, const Samples& samples) {
  for (const Completed& done : samples.completed) {
    const std::string text = session.chat ? samples.texts[done.sample] : Json(done.tokens).dump();
    if (config.n > 1) std::printf("--- sample %d\n", done.sample);
    std::printf("%s%s\n", config.chat ? "" : config.prompt.c_str(), text.c_str());
  }
}

Result<void> validate(const GenerateConfig& config) {
  if (config.max_tokens < 1 || config.n < 1) return fail("max_tokens and n must be at least 1");
  if (!config.ids.empty() && !config.prompt.empty())
    return fail("give --prompt or --ids, not both");
  if (config.chat && config.prompt.empty()) return fail("--chat needs a message: --prompt TEXT");
  if (config.logits && !config.json) return fail("--logits needs --json");
  return {};
}

Result<void> run_generate(GenerateConfig& config) {
  R1_RETURN_IF_ERROR(validate(config));
  R1_TRY(const Session session, open_session(config));
  if (!session.chat && !config.stop.empty())
    return fail("--stop needs a tokenizer, which {} has not", config.model.model);
  R1_TRY(const std::vector<int32_t> prompt, make_prompt(config, session));
  const bool shows = !config.json && config.n == 1 && session.chat;
  const Timer timer;
  R1_TRY(const Samples samples, sample(config, session, prompt, shows));
  const double seconds = timer.seconds();
  if (config.json) {
    print_json(config, session, prompt, samples);
    return {};
  }
  if (!shows) print_text(config, session, samples);
  std::fflush(stdout);
  int64_t n_tokens = 0;
  for (const Completed& done : samples.completed)
    n_tokens += static_cast<int64_t>(done.tokens.size());
  log_info("{} tokens in {:.2f} s ({} tok/s)", n_tokens, seconds,
           human_count(static_cast<double>(n_tokens) / seconds));
  if (config.engine.speculate > 0) log_info("{}", describe_speculation(samples.stats));
  return {};
}

}  // namespace

Verb generate_verb() {
  Verb verb{"generate",
            "complete a prompt",
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
