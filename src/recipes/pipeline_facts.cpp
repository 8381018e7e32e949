#include "recipes/pipeline_facts.h"

#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "models/family.h"
#include "train/learner.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

double number(const Json& json, const std::string& key) {
  const auto it = json.find(key);
  return it != json.end() && it->is_number() ? it->get<double>() : kUnknown;
}

int64_t count(const Json& json, const std::string& key) {
  const double value = number(json, key);
  return std::isfinite(value) && std::fabs(value) < 1e15 ? static_cast<int64_t>(value) : 0;
}

std::string words(const Json& json, const std::string& key) {
  const auto it = json.find(key);
  return it != json.end() && it->is_string() ? it->get<std::string>() : "";
}

const Json& part(const Json& json, const std::string& key) {
  static const Json kNothing;
  const auto it = json.find(key);
  return it != json.end() ? *it : kNothing;
}

/// A list of numbers, NaN for what is none; empty without it.
std::vector<double> numbers(const Json& json, const std::string& key) {
  std::vector<double> values;
  if (const Json& list = part(json, key); list.is_array()) {
    for (const Json& value : list)
      values.push_back(value.is_number() ? value.get<double>() : kUnknown);
  }
  return values;
}

Estimate estimate_of(const Json& json) {
  return {json.is_object() ? number(json, "mean") : kUnknown,
          json.is_object() ? number(json, "stderr") : kUnknown,
          {}};
}

std::map<int, Estimate> by_k(const Json& json) {
  std::map<int, Estimate> values;
  if (!json.is_object()) return values;
  for (const auto& [key, value] : json.items()) {
    int k = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), k);
    if (error == std::errc() && end == key.data() + key.size()) values[k] = estimate_of(value);
  }
  return values;
}

EvalSummary summary_of(const Json& json) {
  EvalSummary s;
  s.pass_at_1 = number(json, "pass@1");
  s.pass_at_1_stderr = number(json, "pass@1_stderr");
  s.cons_at = by_k(part(json, "cons@k"));
  s.pass_at = by_k(part(json, "pass@k"));
  s.cons_k = s.cons_at.empty() ? 0 : s.cons_at.rbegin()->first;
  s.cons_at_k = number(json, "cons@" + std::to_string(s.cons_k));
  if (!std::isfinite(s.cons_at_k) && s.cons_k > 0) s.cons_at_k = s.cons_at[s.cons_k].mean;
  for (const auto& [k, value] : s.pass_at) s.pass_at_k[k] = value.mean;
  s.format_rate = number(json, "format_rate");
  s.mean_length = number(json, "mean_length");
  s.truncated_rate = number(json, "truncated_rate");
  s.mean_reward = number(json, "mean_reward");
  s.one_language_rate = number(json, "one_language_rate");
  s.n_problems = count(json, "n_problems"), s.n_samples = count(json, "n_samples");
  if (const Json& shares = part(json, "language_shares"); shares.is_object()) {
    for (const auto& [code, share] : shares.items()) {
      if (share.is_number()) s.language_shares[code] = share.get<double>();
    }
  }
  if (s.language_shares.empty()) s.one_language_rate = kUnknown;
  const Json& each = part(json, "by_problem");
  s.accuracy = numbers(each, "pass@1"), s.one_language = numbers(each, "one_language");
  s.majority = numbers(each, "cons@" + std::to_string(s.cons_k));
  return s;
}

/// Counts again from the shares of n completions.
ReflectionStats reflection_of(const Json& json, int64_t n) {
  ReflectionStats s;
  if (!json.is_object()) return s;
  const auto counted = [&](const char* key) {
    const double value = number(json, key) * static_cast<double>(n);
    return std::isfinite(value) ? std::llround(value) : 0;
  };
  s.n = n;
  s.n_words = counted("words_per_completion"), s.n_with_words = counted("rate");
  s.n_rescued = counted("rescued"), s.n_broken = counted("broken");
  s.n_lines = count(json, "lines"), s.n_right_lines = count(json, "right_lines");
  s.length_with = number(json, "length_with_words"),
  s.length_without = number(json, "length_without");
  if (const Json& found = part(json, "words"); found.is_object()) {
    for (const auto& [word, times] : found.items()) {
      if (times.is_number()) s.words[word] = times.get<int64_t>();
    }
  }
  return s;
}

ModelFacts model_of(const Json& json) {
  ModelFacts model;
  model.cell.model = words(json, "model"), model.cell.data = words(json, "data");
  model.cell.judge = words(json, "judge");
  model.cell.evaluated.summary = summary_of(json);
  model.cell.evaluated.n_tokens = count(json, "n_tokens");
  model.cell.reflection = reflection_of(part(json, "reflection"), model.summary().n_samples);
  for (const Json& row : part(json, "length_by_difficulty")) {
    if (!row.is_object()) continue;
    LengthByDifficulty length;
    length.difficulty = static_cast<int>(count(row, "difficulty"));
    length.n = count(row, "n");
    length.mean_length = number(row, "mean_length"), length.accuracy = number(row, "accuracy");
    model.cell.lengths.push_back(length);
  }
  for (const Json& row : part(json, "thinking_budget")) {
    if (!row.is_object()) continue;
    const double budget = number(row, "budget");
    model.cell.budget.push_back({std::isfinite(budget) ? static_cast<int64_t>(budget) : -1,
                                 number(row, "thinking_tokens"), number(row, "cut"),
                                 estimate_of(part(row, "pass@1"))});
  }
  for (const Json& row : part(json, "examples")) {
    if (!row.is_object()) continue;
    model.examples.push_back({words(row, "id"), words(row, "question"), words(row, "answer"),
                              words(row, "completion"), number(row, "correct") >= 1,
                              number(row, "format") >= 1, number(row, "reward")});
  }
  return model;
}

/// The options of a stage that say where it comes from.
struct Options {
  std::string model, teacher, seed;
  std::vector<std::string> models, rewards;
  size_t n_data = 1;
  double num_iterations = 1;
};

Options options_of(const Stage& stage) {
  const toml::table table = toml::parse(std::string_view(stage.config));
  Options o;
  o.model = table["model"].value_or(std::string());
  o.teacher = table["teacher"].value_or(std::string());
  if (const auto seed = table["seed"].value<int64_t>()) o.seed = std::to_string(*seed);
  o.num_iterations = table["num_iterations"].value_or(1.0);
  if (const toml::array* list = table["models"].as_array()) {
    for (const toml::node& item : *list) o.models.push_back(item.value_or(std::string()));
  } else {
    o.models.push_back(o.model);
  }
  if (const toml::array* list = table["data"].as_array()) o.n_data = list->size();
  if (const toml::array* list = table["reward_funcs"].as_array()) {
    for (const toml::node& item : *list) o.rewards.push_back(item.value_or(std::string()));
  }
  if (const toml::array* list = table["reward"].as_array()) {
    for (const toml::node& item : *list) {
      const toml::table* one = item.as_table();
      if (!one) continue;
      const std::string name = (*one)["name"].value_or(std::string());
      o.rewards.push_back((*one)["label"].value_or(name));
    }
  }
  return o;
}

/// Reads and parses; nothing, and a trouble, when it is no JSON.
Json read_json(const Path& file, std::vector<std::string>& troubles) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return {};
  const auto text = read_text(file);
  Json json = text ? Json::parse(*text, nullptr, false) : Json();
  if (!json.is_object()) {
    troubles.push_back(file.string() + ": is not a JSON object; run its stage again");
    return {};
  }
  return json;
}

/// FLOPs of a token in one forward pass, by the weights alone; NaN where no config.json is read.
double flops_of_token(const Pipeline& pipeline, const std::string& reference) {
  const Stage* made = pipeline.find(stage_referred(reference));
  const Path folder = made ? made->product() : Path(reference);
  std::error_code error;
  if (reference.empty() || !std::filesystem::exists(folder / "config.json", error)) return kUnknown;
  const auto text = read_text(folder / "config.json");
  if (!text) return kUnknown;
  const auto config = read_model_config(*text);
  return config ? count_flops(*config).per_token : kUnknown;
}

double sampled_tokens(const Stage& stage, const char* file, std::vector<std::string>& troubles) {
  const Json json = read_json(stage.folder / file, troubles);
  return json.is_object() ? number(json, "tokens") : kUnknown;
}

/// Steps, tokens and FLOPs. Sampling is one forward pass of a token, training three.
void read_costs(const Pipeline& pipeline, const Options& options, StageFacts& facts,
                std::vector<std::string>& troubles) {
  const Stage& stage = *facts.stage;
  if (stage.verb == "sample") {
    facts.tokens = sampled_tokens(stage, "rows.jsonl.summary.json", troubles);
    facts.flops = facts.tokens * flops_of_token(pipeline, options.model);
  }
  if (!stage.kind->is_run) return;
  std::error_code error;
  if (std::filesystem::exists(stage.folder / "metrics.jsonl", error)) {
    if (auto lines = read_metrics(stage.folder)) {
      facts.metrics = std::move(*lines);
    } else {
      troubles.push_back(lines.error().message);
    }
  }
  if (auto watched = read_watched(stage.folder)) {
    facts.watched = std::move(*watched);
  } else {
    troubles.push_back(watched.error().message);
  }
  if (!facts.metrics.empty()) facts.steps = facts.metrics.back().first;
  const auto tokens = tokens_by_step(facts);
  if (!tokens.empty() && tokens.back().second > 0) facts.tokens = tokens.back().second;
  const double passes = facts.is_rl() ? 3 * options.num_iterations + 1 : 3;
  const double own = flops_of_token(pipeline, "@" + stage.name);
  facts.flops = facts.tokens * passes * own;
  if (stage.verb != "distill") return;
  const double traces = sampled_tokens(stage, "traces.jsonl.summary.json", troubles) *
                        flops_of_token(pipeline, options.teacher);
  if (std::isfinite(traces)) facts.flops += traces;
}

/// A model that two stages evaluated on the same data stands once, as the later one has it.
void keep_latest(std::vector<ModelFacts>& models) {
  std::vector<ModelFacts> kept;
  for (ModelFacts& model : models) {
    const auto earlier = std::find_if(kept.begin(), kept.end(), [&](const ModelFacts& k) {
      return k.by != model.by && k.reference == model.reference && k.cell.data == model.cell.data;
    });
    if (earlier == kept.end())
      kept.push_back(std::move(model));
    else
      *earlier = std::move(model);
  }
  models = std::move(kept);
}

}  // namespace

PipelineFacts read_pipeline_facts(const Pipeline& pipeline, const std::vector<std::string>& keys) {
  PipelineFacts facts;
  facts.pipeline = &pipeline;
  std::vector<Options> all;
  for (size_t i = 0; i < pipeline.stages.size(); ++i) {
    const Stage& stage = pipeline.stages[i];
    all.push_back(options_of(stage));
    const Options& o = all.back();
    if (facts.seed.empty()) facts.seed = o.seed;
    StageFacts one{&stage,    state_of(stage, i < keys.size() ? keys[i] : ""),
                   o.model,   o.teacher,
                   o.rewards, read_stage_record(stage).seconds};
    if (one.is_begun()) read_costs(pipeline, o, one, facts.troubles);
    facts.stages.push_back(std::move(one));
  }
  for (size_t i = 0; i < facts.stages.size(); ++i) {
    StageFacts& stage = facts.stages[i];
    if (stage.stage->verb != "eval" || !stage.is_begun()) continue;
    const Json json = read_json(stage.stage->product(), facts.troubles);
    if (!json.is_object()) continue;
    if (facts.protocol.empty()) facts.protocol = words(json, "protocol");
    std::vector<ModelFacts> found;
    if (const Json& rows = part(json, "results"); rows.is_array()) {
      for (const Json& row : rows) {
        if (row.is_object()) found.push_back(model_of(row));
      }
    } else {
      found.push_back(model_of(json));
    }
    const std::vector<std::string>& models = all[i].models;
    const bool fits = found.size() == models.size() * all[i].n_data;
    double tokens = 0, flops = 0;
    for (size_t m = 0; m < found.size(); ++m) {
      ModelFacts& model = found[m];
      const std::string& reference = fits ? models[m / all[i].n_data] : model.cell.model;
      model.made = facts.find(stage_referred(reference)), model.by = &stage;
      model.reference = reference;
      model.name = model.made                  ? model.made->stage->name
                   : !model.cell.model.empty() ? model.cell.model
                                               : reference;
      const double n = static_cast<double>(model.cell.evaluated.n_tokens);
      tokens += n, flops += n * flops_of_token(pipeline, reference);
      facts.models.push_back(std::move(model));
    }
    stage.tokens = tokens, stage.flops = flops;
  }
  keep_latest(facts.models);
  return facts;
}

}  // namespace r1
