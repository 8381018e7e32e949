#include "train/sample_rows.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/random.h"
#include "data/row.h"
#include "reward/text_scan.h"
#include "train/sample_select.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

double score_of(const JudgedSample& sample) {
  for (const auto& [name, value] : sample.outcome.values) {
    if (name == "score") return value;
  }
  return 0;
}

std::string prompt_of(const Problem& problem) {
  std::string text;
  for (const Message& message : problem.messages)
    text += message.role + '\n' + message.content + '\n';
  return text;
}

Json provenance_of(const SampleConfig& c, const Problem& problem, const JudgedSample& sample,
                   const std::string& sha) {
  Json json{{"source", "r1 sample"}, {"model", c.model.model}};
  if (!c.model.adapter.empty()) json["adapter"] = c.model.adapter;
  if (!c.url.empty()) json["url"] = c.url;
  if (!sha.empty()) json["model_sha256"] = sha;
  json["data"] = c.data;
  json["problem"] = problem.id;
  json["sample"] = sample.sample;
  json["seed"] = c.seed;
  json["temperature"] = c.temperature;
  json["top_p"] = c.top_p;
  json["top_k"] = c.top_k;
  json["max_tokens"] = c.max_tokens;
  json["tokens"] = sample.n_tokens;
  if (!c.few_shot.empty()) json["few_shot"] = {{"file", c.few_shot}, {"n_shots", c.n_shots}};
  if (!c.rewrite.model.empty()) json["rewritten_by"] = c.rewrite.model;
  Json values = Json::object();
  for (const auto& [name, value] : sample.outcome.values) values[name] = value;
  json["filters"] = values;
  return json;
}

std::string row_of(const SampleConfig& config, const Problem& problem, const JudgedSample& sample,
                   const std::string& sha) {
  Problem row = problem;
  row.id = fmt::format("{}#{}", problem.id, sample.sample);
  row.completion = trim_space(sample.text);
  const bool opens = sample.opens_think && sample.original.empty();
  if (opens) row.completion.insert(0, sample.text.starts_with('\n') ? "<think>\n" : "<think>");
  return write_row(row, provenance_of(config, problem, sample, sha).dump());
}

int64_t& count_of(SampleReport& report, const std::string& name) {
  for (auto& [known, n] : report.dropped) {
    if (known == name) return n;
  }
  report.dropped.emplace_back(name, 0);
  return report.dropped.back().second;
}

/// Passed completions, the best scores first and otherwise in their order.
std::vector<const JudgedSample*> passed(const JudgedProblem& problem, SampleReport& report) {
  std::vector<const JudgedSample*> good;
  for (const JudgedSample& sample : problem.samples) {
    if (sample.outcome.kept()) {
      good.push_back(&sample);
    } else {
      ++count_of(report, sample.outcome.dropped_by);
    }
  }
  std::stable_sort(good.begin(), good.end(),
                   [](auto* a, auto* b) { return score_of(*a) > score_of(*b); });
  return good;
}

/// How many general rows there should be beside n_sampled others.
int64_t mix_target(const SampleConfig& config, int64_t n_sampled) {
  if (config.mix_count > 0) return config.mix_count;
  const double odds = config.mix_share / (1 - config.mix_share);
  return std::llround(odds * static_cast<double>(n_sampled));
}

Result<void> mix(const SampleConfig& config, SampleRows& out) {
  if (config.mix.empty()) return {};
  R1_TRY(std::vector<Problem> rows, read_problems(config.mix));
  for (const Problem& row : rows) {
    if (row.messages.empty() || row.completion.empty())
      return fail("{}: {}: general data needs prompts with completions", config.mix, row.id);
  }
  const int64_t wanted = mix_target(config, out.report.n_written);
  const int64_t n = std::min(wanted, std::ssize(rows));
  if (n < wanted)
    log_warn("{}: {} rows, where {} should be mixed in; all are taken", config.mix, n, wanted);
  constexpr uint64_t kMix = 0x6d6978;  // apart from other shuffles
  Rng rng(config.seed, stream_key({static_cast<uint64_t>(Purpose::kShuffle), kMix}));
  std::vector<size_t> order(rows.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (int64_t i = 0; i < n; ++i)
    std::swap(order[static_cast<size_t>(i)],
              order[static_cast<size_t>(rng.between(i, std::ssize(rows) - 1))]);
  order.resize(static_cast<size_t>(n));
  std::sort(order.begin(), order.end());
  for (const size_t i : order) {
    Json provenance{{"source", "mix"}, {"file", config.mix}, {"row", rows[i].id}};
    if (const auto own = rows[i].columns.find("provenance"); own != rows[i].columns.end())
      provenance["provenance"] = Json::parse(own->second, nullptr, false);
    out.text += write_row(rows[i], provenance.dump()) + "\n";
  }
  out.report.n_mixed = n;
  return {};
}

}  // namespace

std::vector<std::string> sample_stages(const SampleConfig& config) {
  std::vector<std::string> stages;
  const bool rewrites = !config.rewrite.model.empty();
  if (rewrites) {
    stages = config.rewrite.filters;
    stages.push_back("not_rewritten");
    stages.push_back("rewrite");
  }
  for (const std::string& name : config.quality.filters)
    stages.push_back(rewrites ? "rewritten_" + name : name);
  stages.push_back("duplicate");
  stages.push_back("surplus");
  return stages;
}

Result<SampleRows> write_sample_rows(const SampleConfig& config,
                                     const std::vector<Problem>& problems,
                                     const std::vector<JudgedProblem>& judged,
                                     const std::string& weights_sha256) {
  CHECK(problems.size() == judged.size(), "{} problems, {} judged", problems.size(), judged.size());
  R1_TRY(const Dedupe dedupe, parse_dedupe(config.dedupe));
  SampleRows out;
  out.report.output = config.output;
  for (const std::string& stage : sample_stages(config)) count_of(out.report, stage);
  std::map<std::string, Different> prompts;
  for (size_t p = 0; p < problems.size(); ++p) {
    const auto good = passed(judged[p], out.report);
    Different& different =
        prompts.try_emplace(prompt_of(problems[p]), dedupe, config.near_duplicate).first->second;
    SampledProblem tally{problems[p].id, static_cast<int>(judged[p].samples.size()),
                         static_cast<int>(good.size()), 0};
    for (const JudgedSample* sample : good) {
      const bool is_surplus = config.max_per_problem > 0 && tally.written >= config.max_per_problem;
      if (is_surplus || !different.add(sample->text)) {
        ++count_of(out.report, is_surplus ? "surplus" : "duplicate");
        continue;
      }
      out.text += row_of(config, problems[p], *sample, weights_sha256) + "\n";
      ++tally.written;
    }
    for (const JudgedSample& sample : judged[p].samples)
      out.report.n_tokens += std::max<int64_t>(0, sample.n_tokens);
    out.report.seconds += judged[p].seconds;
    out.report.n_samples += tally.samples;
    out.report.n_passed += tally.passed;
    out.report.n_written += tally.written;
    out.report.problems.push_back(std::move(tally));
  }
  R1_RETURN_IF_ERROR(mix(config, out));
  return out;
}

}  // namespace r1
