#include "train/sample_source.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/chat_client.h"
#include "base/log.h"
#include "base/random.h"
#include "engine/engine.h"
#include "reward/episodes.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

std::vector<Path> weight_files(const Path& model) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(model, ignored)) return {model};
  std::vector<Path> files;
  for (const auto& entry : std::filesystem::directory_iterator(model, ignored)) {
    const Path& path = entry.path();
    if (path.extension() == ".safetensors" || path.extension() == ".gguf") files.push_back(path);
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// Of the files that hold weights, in the order of their names; of several that of their sums.
Result<std::string> sha256_of_model(const ModelOptions& model) {
  std::vector<Path> files = weight_files(model.model);
  if (!model.adapter.empty()) {
    for (Path& file : weight_files(model.adapter)) files.push_back(std::move(file));
  }
  std::string sums;
  for (const Path& file : files) {
    R1_TRY(const MappedFile mapped, MappedFile::open(file));
    sums += sha256(mapped.bytes());
  }
  return files.size() == 1 ? sums : sha256(std::as_bytes(std::span(sums)));
}

/// The draws of a sample, whoever draws it.
uint64_t stream_of(int64_t problem, int sample) {
  return stream_key({static_cast<uint64_t>(Purpose::kGenerate), static_cast<uint64_t>(problem),
                     static_cast<uint64_t>(sample)});
}

class LocalSource : public SampleSource {
 public:
  LocalSource(const SampleConfig& config, Launch launch, OpenModel open, Chat chat, RewardSet none,
              std::string sha)
      : config_(config),
        launch_(launch),
        open_(std::move(open)),
        chat_(std::move(chat)),
        none_(std::move(none)),
        sha_(std::move(sha)),
        engine_(open_.model(), open_.kv_dtype, config.engine, launch) {}

  Result<std::vector<Problem>> usable(std::vector<Problem> problems,
                                      const QualityFilters& filters) override {
    const int64_t before = std::ssize(problems);
    std::erase_if(problems, [&](const Problem& p) { return !filters.can_judge(p); });
    if (problems.empty()) {
      return fail(
          "{}: none of {} rows has the reference answer that the filters need "
          "(--answer_column, or other --filters)",
          config_.data, before);
    }
    if (std::ssize(problems) < before) {
      log_warn("{}: {} of {} rows left out: no reference answer (--answer_column)", config_.data,
               before - std::ssize(problems), before);
    }
    return usable_problems(std::move(problems), chat_, none_, engine_.max_length(), config_.data,
                           *launch_.pool);
  }

  Result<std::vector<DrawnText>> draw(std::span<const Problem> problems, int64_t first) override {
    EpisodePlan plan;
    plan.n_samples = config_.samples;
    plan.max_tokens = config_.max_tokens;
    plan.params.temperature = static_cast<float>(config_.temperature);
    plan.params.top_p = static_cast<float>(config_.top_p);
    plan.params.top_k = config_.top_k;
    plan.params.seed = config_.seed;
    plan.stops = config_.stop;
    plan.stream = [first](int p, int g) { return stream_of(first + p, g); };
    R1_TRY(std::vector<Episode> episodes,
           sample_episodes(engine_, chat_, problems, plan, none_, *launch_.pool));
    std::vector<DrawnText> drawn;
    for (Episode& e : episodes) {
      DrawnText one{std::move(e.text), e.finished, chat_.opens_think(e.prompt),
                    static_cast<int64_t>(e.tokens.size())};
      if (cut_at_stop(one.text, config_.stop)) one.finished = true;
      drawn.push_back(std::move(one));
    }
    return drawn;
  }

  std::string weights_sha256() const override { return sha_; }
  bool has_template() const override { return chat_.has_template(); }
  bool has_room(const Problem& problem) const override {
    const auto prompt = chat_.prompt(problem.messages);
    return prompt && std::ssize(*prompt) + config_.max_tokens <= engine_.max_length();
  }
  int64_t count_tokens(const std::string& text) const override {
    return std::ssize(chat_.tokenizer().encode(text, {.add_special = false}));
  }

 private:
  const SampleConfig& config_;
  Launch launch_;
  OpenModel open_;
  Chat chat_;
  RewardSet none_;  // a rule that judges every row: the filters judge later
  std::string sha_;
  Engine engine_;
};

class RemoteSource : public SampleSource {
 public:
  RemoteSource(const SampleConfig& config, ChatClient client, CostMeter meter)
      : config_(config), client_(std::move(client)), meter_(std::move(meter)) {}

  Result<std::vector<Problem>> usable(std::vector<Problem> problems,
                                      const QualityFilters& filters) override {
    const int64_t before = std::ssize(problems);
    std::erase_if(problems,
                  [&](const Problem& p) { return p.messages.empty() || !filters.can_judge(p); });
    if (problems.empty())
      return fail("{}: none of {} rows has a prompt and a reference answer", config_.data, before);
    if (std::ssize(problems) < before) {
      log_warn("{}: {} of {} rows left out: no prompt or no reference answer", config_.data,
               before - std::ssize(problems), before);
    }
    return problems;
  }

  Result<std::vector<DrawnText>> draw(std::span<const Problem> problems, int64_t first) override {
    R1_RETURN_IF_ERROR(meter_.check());
    std::vector<ChatRequest> requests;
    for (size_t p = 0; p < problems.size(); ++p) {
      Json messages = Json::array();
      for (const Message& m : problems[p].messages)
        messages.push_back({{"role", m.role}, {"content", m.content}});
      const std::string text = messages.dump(-1, ' ', false, Json::error_handler_t::replace);
      for (int g = 0; g < config_.samples; ++g)
        requests.push_back(request_of(text, first + static_cast<int64_t>(p), g));
    }
    std::vector<DrawnText> drawn;
    std::vector<Result<ChatReply>> replies = client_.send_all(requests);
    R1_RETURN_IF_ERROR(meter_.set(client_.usage()));  // also of those that failed
    for (auto& reply : replies) {
      if (!reply) return fail_with(reply.error());
      DrawnText one{std::move(reply->text), reply->finished, false, reply->output_tokens};
      if (!reply->reasoning.empty())
        one.text = "<think>\n" + reply->reasoning + "\n</think>\n\n" + one.text;
      if (cut_at_stop(one.text, config_.stop)) one.finished = true;
      drawn.push_back(std::move(one));
    }
    return drawn;
  }

  std::string weights_sha256() const override { return ""; }
  const CostMeter* cost() const override { return &meter_; }
  bool has_template() const override { return true; }
  bool has_room(const Problem&) const override { return true; }
  int64_t count_tokens(const std::string&) const override { return -1; }

 private:
  ChatRequest request_of(const std::string& messages, int64_t problem, int sample) const {
    ChatRequest request;
    request.messages_json = messages;
    request.temperature = config_.temperature;
    request.top_p = config_.top_p;
    request.max_tokens = config_.max_tokens;
    // 31 bits: servers differ in what they take
    request.seed = stream_key({config_.seed, stream_of(problem, sample)}) & 0x7fffffff;
    request.stop = config_.stop;
    return request;
  }

  const SampleConfig& config_;
  ChatClient client_;
  CostMeter meter_;
};

}  // namespace

bool cut_at_stop(std::string& text, const std::vector<std::string>& stops) {
  size_t end = std::string::npos;
  for (const std::string& stop : stops) end = std::min(end, text.find(stop));
  if (end == std::string::npos) return false;
  text.resize(end);
  return true;
}

Result<std::unique_ptr<SampleSource>> open_local_source(const SampleConfig& config,
                                                        const Machine& machine) {
  R1_TRY(OpenModel open, open_model(config.model, machine.launch(), config.engine.speculate > 0));
  R1_TRY(Chat chat, open.chat());
  R1_RETURN_IF_ERROR(config.engine.validate(open.model()));
  R1_TRY(RewardSet none, make_rewards({"format"}));
  R1_TRY(std::string sha, sha256_of_model(config.model));
  return std::make_unique<LocalSource>(config, machine.launch(), std::move(open), std::move(chat),
                                       std::move(none), std::move(sha));
}

Result<std::unique_ptr<SampleSource>> open_remote_source(const SampleConfig& config) {
  ChatClientOptions options{config.url,         config.model.model, config.api_key_env,
                            config.concurrency, config.retries,     config.timeout_s};
  options.requests_per_minute = config.prices.requests_per_minute;
  R1_TRY(ChatClient client, ChatClient::open(options, "r1 sample"));
  R1_TRY(CostMeter meter,
         CostMeter::open(config.output + ".cost.json", config.prices, config.overwrite));
  return std::make_unique<RemoteSource>(config, std::move(client), std::move(meter));
}

}  // namespace r1
