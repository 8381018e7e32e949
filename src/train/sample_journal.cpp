#include "train/sample_journal.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

Json sample_json(const JudgedSample& s) {
  Json values = Json::object();
  for (const auto& [name, value] : s.outcome.values) values[name] = value;
  Json json{{"sample", s.sample},           {"text", s.text},       {"finished", s.finished},
            {"opens_think", s.opens_think}, {"tokens", s.n_tokens}, {"values", values}};
  if (!s.original.empty()) json["original"] = s.original;
  if (!s.outcome.kept()) {
    json["dropped_by"] = s.outcome.dropped_by;
    json["reason"] = s.outcome.reason;
  }
  return json;
}

std::string line_of(const JudgedProblem& problem) {
  Json samples = Json::array();
  for (const JudgedSample& sample : problem.samples) samples.push_back(sample_json(sample));
  const Json json{{"id", problem.id}, {"seconds", problem.seconds}, {"samples", samples}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

JudgedSample sample_of(const Json& json) {
  JudgedSample s;
  json.at("sample").get_to(s.sample);
  json.at("text").get_to(s.text);
  json.at("finished").get_to(s.finished);
  json.at("opens_think").get_to(s.opens_think);
  json.at("tokens").get_to(s.n_tokens);
  s.original = json.value("original", "");
  s.outcome.dropped_by = json.value("dropped_by", "");
  s.outcome.reason = json.value("reason", "");
  for (const auto& [name, value] : json.at("values").items())
    s.outcome.values.emplace_back(name, value.is_number() ? value.get<double>() : 0.0);
  return s;
}

std::optional<JudgedProblem> problem_of(std::string_view line) {
  try {
    const Json json = Json::parse(line);
    JudgedProblem problem;
    json.at("id").get_to(problem.id);
    json.at("seconds").get_to(problem.seconds);
    for (const Json& sample : json.at("samples")) problem.samples.push_back(sample_of(sample));
    return problem;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

std::string header_of(const std::string& run) { return Json{{"r1_sample", run}}.dump() + "\n"; }

/// Bytes of the whole lines that can be read; the problems go to `problems`.
Result<size_t> read_lines(const Path& path, std::string_view text, const std::string& header,
                          std::vector<JudgedProblem>& problems) {
  if (!text.starts_with(header)) {
    const size_t line = text.find('\n');  // nothing is lost of a header alone, or of a torn one
    if (line == std::string_view::npos || line + 1 == text.size()) return 0;
    return fail(
        "{}: it holds the samples of other settings, another model or other data; choose another "
        "--output, or forget them with --overwrite",
        path.string());
  }
  size_t at = header.size();
  for (int64_t number = 2; at < text.size(); ++number) {
    const size_t end = text.find('\n', at);
    if (end == std::string_view::npos) break;
    auto problem = problem_of(text.substr(at, end - at));
    if (!problem) {
      if (end + 1 == text.size()) break;
      return fail("{}:{}: damaged; delete this line and those behind it", path.string(), number);
    }
    problems.push_back(std::move(*problem));
    at = end + 1;
  }
  return at;
}

}  // namespace

Result<SampleJournal> SampleJournal::open(const Path& path, const std::string& run,
                                          bool overwrite) {
  SampleJournal journal;
  const std::string header = header_of(run);
  size_t good = 0;
  std::error_code ignored;
  if (!overwrite && std::filesystem::exists(path, ignored)) {
    R1_TRY(const std::string text, read_text(path));
    R1_TRY(good, read_lines(path, text, header, journal.problems_));
  }
  R1_TRY(journal.file_, AppendFile::open(path, good));
  if (good == 0) R1_RETURN_IF_ERROR(journal.file_.append(header));
  return journal;
}

Result<void> SampleJournal::add(std::vector<JudgedProblem> problems) {
  std::string text;
  for (const JudgedProblem& problem : problems) text += line_of(problem);
  R1_RETURN_IF_ERROR(file_.append(text));
  for (JudgedProblem& problem : problems) problems_.push_back(std::move(problem));
  return {};
}

}  // namespace r1
