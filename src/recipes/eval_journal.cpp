#include "recipes/eval_journal.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/fields.h"
#include "recipes/fingerprint.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

/// JSON has no number that is not finite; a part of a score may be none (NaN).
Json number(double x) { return std::isfinite(x) ? Json(x) : Json(fmt::format("{}", x)); }

double number_of(const Json& json) {
  if (json.is_number()) return json.get<double>();
  const std::string text = json.get<std::string>();
  const double inf = std::numeric_limits<double>::infinity();
  return text == "inf" ? inf : text == "-inf" ? -inf : std::numeric_limits<double>::quiet_NaN();
}

Json episode_json(const Episode& e) {
  Json parts = Json::array();
  for (const auto& [name, value] : e.score.parts) parts.push_back({name, number(value)});
  return {{"problem", e.problem},   {"sample", e.sample}, {"tokens", e.tokens},
          {"finished", e.finished}, {"parts", parts},     {"reward", number(e.score.value)},
          {"valid", e.score.valid}};
}

Episode episode_of(const Json& json) {
  Episode e;
  json.at("problem").get_to(e.problem);
  json.at("sample").get_to(e.sample);
  json.at("tokens").get_to(e.tokens);
  json.at("finished").get_to(e.finished);
  for (const Json& part : json.at("parts"))
    e.score.parts.emplace_back(part.at(0).get<std::string>(), number_of(part.at(1)));
  e.score.value = number_of(json.at("reward"));
  json.at("valid").get_to(e.score.valid);
  return e;
}

Json budget_json(const BudgetPoint& p) {
  const Estimate& a = p.accuracy;
  return {p.budget, p.thinking_tokens, p.forced_rate,  a.mean,
          a.error,  a.interval.low,    a.interval.high};
}

BudgetPoint budget_of(const Json& json) {
  const auto at = [&](size_t i) { return json.at(i).get<double>(); };
  return {json.at(0).get<int64_t>(), at(1), at(2), {at(3), at(4), {at(5), at(6)}}};
}

/// Whether it is samples of problem 0, then of problem 1, …
bool is_whole(const std::vector<Episode>& episodes, size_t n_problems, size_t n) {
  if (n_problems == 0 || episodes.size() != n) return false;
  const size_t n_samples = n / n_problems;
  for (size_t i = 0; i < n; ++i) {
    if (static_cast<size_t>(episodes[i].problem) != i / n_samples ||
        static_cast<size_t>(episodes[i].sample) != i % n_samples)
      return false;
  }
  return true;
}

/// Files and folders that a text names, on its own or somewhere in a [[reward]] table.
Result<std::string> fingerprints_in(const std::string& text) {
  std::string prints;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find_first_of("\"'=;,\n", at), text.size());
    const size_t first = text.find_first_not_of(' ', at);
    if (first < end) {
      const std::string name = text.substr(first, text.find_last_not_of(' ', end - 1) + 1 - first);
      std::error_code error;
      if (std::filesystem::exists(name, error)) {
        R1_TRY(const std::string print, fingerprint(name));
        prints += print;
      }
    }
    at = end + 1;
  }
  return prints;
}

}  // namespace

Result<EvalJournal> EvalJournal::open(const Path& path) {
  EvalJournal journal;
  if (path.empty()) return journal;
  std::string text;
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) {
    R1_TRY(text, read_text(path));
  }
  size_t good = 0;
  for (size_t end; (end = text.find('\n', good)) != std::string::npos; good = end + 1) {
    const Json line = Json::parse(text.substr(good, end - good), nullptr, false);
    const auto key = line.is_object() ? line.find("key") : line.end();
    if (!line.is_object() || key == line.end() || !key->is_string() || !line.contains("part"))
      break;
    journal.parts_[key->get<std::string>()] = line["part"].dump();
  }
  R1_TRY(journal.file_, AppendFile::open(path, good));
  journal.is_on_ = true;
  return journal;
}

Result<void> EvalJournal::add_line(const std::string& key, const std::string& part) {
  if (!is_on_) return {};
  return file_.append("{\"key\":\"" + key + "\",\"part\":" + part + "}\n");
}

bool EvalJournal::find(const std::string& key, size_t n_problems, size_t n, EvalCell& cell) const {
  const auto it = parts_.find(key);
  if (it == parts_.end()) return false;
  try {
    const Json part = Json::parse(it->second);
    Evaluated evaluated;
    for (const Json& e : part.at("episodes")) evaluated.episodes.push_back(episode_of(e));
    part.at("seconds").get_to(evaluated.seconds);
    part.at("n_drafted").get_to(evaluated.engine.n_drafted);
    part.at("n_accepted").get_to(evaluated.engine.n_accepted);
    std::vector<BudgetPoint> budget;
    for (const Json& point : part.at("budget")) budget.push_back(budget_of(point));
    if (!is_whole(evaluated.episodes, n_problems, n)) return false;
    for (const Episode& e : evaluated.episodes) evaluated.n_tokens += std::ssize(e.tokens);
    cell.evaluated = std::move(evaluated);
    cell.budget = std::move(budget);
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

Result<void> EvalJournal::add(const std::string& key, const EvalCell& cell) {
  if (!is_on_) return {};
  Json episodes = Json::array(), budget = Json::array();
  for (const Episode& e : cell.evaluated.episodes) episodes.push_back(episode_json(e));
  for (const BudgetPoint& point : cell.budget) budget.push_back(budget_json(point));
  const Json part{{"model", cell.model},
                  {"data", cell.data},
                  {"seconds", cell.evaluated.seconds},
                  {"n_drafted", cell.evaluated.engine.n_drafted},
                  {"n_accepted", cell.evaluated.engine.n_accepted},
                  {"budget", budget},
                  {"episodes", episodes}};
  return add_line(key, part.dump(-1, ' ', false, Json::error_handler_t::replace));
}

bool EvalJournal::find(const std::string& key, std::vector<AbilityScore>& scores) const {
  const auto it = parts_.find(key);
  if (it == parts_.end()) return false;
  try {
    std::vector<AbilityScore> read;
    for (const Json& json : Json::parse(it->second)) {
      AbilityScore& score = read.emplace_back();
      json.at("name").get_to(score.name);
      json.at("higher_is_better").get_to(score.higher_is_better);
      for (const Json& value : json.at("values")) score.values.push_back(number_of(value));
    }
    scores = std::move(read);
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

Result<void> EvalJournal::add(const std::string& key, const std::vector<AbilityScore>& scores) {
  Json list = Json::array();
  for (const AbilityScore& score : scores) {
    Json values = Json::array();
    for (const double value : score.values) values.push_back(number(value));
    list.push_back(
        {{"name", score.name}, {"higher_is_better", score.higher_is_better}, {"values", values}});
  }
  return add_line(key, list.dump(-1, ' ', false, Json::error_handler_t::replace));
}

EvalSuiteConfig for_cell(EvalSuiteConfig config, const std::string& data) {
  config.data = {data};
  config.general = {};
  return config;
}

EvalSuiteConfig for_general(EvalSuiteConfig config) {
  config.data = {};
  config.budget = {};
  return config;
}

Result<std::string> eval_part_key(const EvalSuiteConfig& config, const ModelPaths& model) {
  EvalSuiteConfig c = config;
  c.models.clear();
  c.model.model.clear();  // what they are counts, not where they lie
  c.model.adapter.clear();
  c.compute = {};
  const std::vector<Field> fields = list_fields(c);
  R1_TRY(std::string text, fingerprint_program());
  text += "\n" + to_toml(fields);
  for (const Path& path : {model.base, model.adapter, model.words}) {
    if (path.empty()) continue;
    R1_TRY(const std::string print, fingerprint(path));
    text += print;
  }
  for (const Field& field : fields) {
    std::vector<std::string> named;
    if (auto* one = std::get_if<std::string*>(&field.value)) named = {**one};
    if (auto* list = std::get_if<std::vector<std::string>*>(&field.value)) named = **list;
    for (const std::string& value : named) {
      R1_TRY(const std::string prints, fingerprints_in(value));
      text += prints;
    }
  }
  return sha256(std::as_bytes(std::span(text)));
}

}  // namespace r1
