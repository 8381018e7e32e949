#include "reward/check.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

/// Takes a member out of the row as text; "" with *found false when it is not there.
std::string take_text(Json& row, const char* name, bool* found) {
  const auto member = row.find(name);
  *found = member != row.end() && !member->is_null();
  if (!*found) return "";
  std::string text = member->is_string() ? member->get<std::string>() : member->dump();
  row.erase(member);
  return text;
}

std::string take_first(Json& row, std::initializer_list<const char*> names, bool* found) {
  for (const char* name : names) {
    std::string text = take_text(row, name, found);
    if (*found) return text;
  }
  return "";
}

bool take_flag(Json& row, const char* name, bool otherwise) {
  const auto member = row.find(name);
  if (member == row.end() || !member->is_boolean()) return otherwise;
  const bool value = member->get<bool>();
  row.erase(member);
  return value;
}

std::optional<double> take_label(Json& row) {
  for (const char* name : {"equal", "expected", "is_correct"}) {
    const auto member = row.find(name);
    if (member == row.end() || !(member->is_boolean() || member->is_number())) continue;
    const double label =
        member->is_boolean() ? (member->get<bool>() ? 1 : 0) : member->get<double>();
    row.erase(member);
    return label;
  }
  return std::nullopt;
}

void take_prompt(Json& row, Problem& problem) {
  bool found = false;
  const std::string text = take_first(row, {"prompt", "problem", "question"}, &found);
  problem.messages.resize(1);
  problem.messages[0].role = "user";
  problem.messages[0].content = text;
}

Result<CheckRow> read_row(std::string_view line, const std::string& id) {
  Json json = Json::parse(line, nullptr, false);
  if (json.is_discarded()) return fail("broken JSON");
  if (!json.is_object()) return fail("expected one JSON object");
  CheckRow row;
  bool has_gold = false, has_text = false;
  row.problem.answer = take_text(json, "gold", &has_gold);
  if (has_gold) {
    row.text = take_first(json, {"completion", "content", "response", "answer"}, &has_text);
  } else {
    bool has_answer = false;
    row.text = take_first(json, {"completion", "content", "response"}, &has_text);
    row.problem.answer = take_text(json, "answer", &has_answer);
  }
  if (!has_text) return fail("nothing to judge; give gold and answer, or answer and completion");
  bool has_id = false;
  row.problem.id = take_first(json, {"id", "task_id", "unique_id"}, &has_id);
  if (!has_id) row.problem.id = id;
  take_prompt(json, row.problem);
  row.is_finished = take_flag(json, "finished", true);
  row.opens_think = take_flag(json, "opens_think", false);
  row.label = take_label(json);
  for (const auto& [name, value] : json.items()) row.problem.columns[name] = value.dump();
  return row;
}

}  // namespace

Result<std::vector<CheckRow>> read_check_rows(const Path& jsonl, int64_t limit) {
  R1_TRY(const MappedFile file, MappedFile::open(jsonl));
  std::string_view rest = file.text();
  std::vector<CheckRow> rows;
  for (int64_t number = 1; !rest.empty(); ++number) {
    if (limit > 0 && static_cast<int64_t>(rows.size()) >= limit) break;
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    auto row = read_row(line, fmt::format("line {}", number));
    if (!row) return fail("{}:{}: {}", jsonl.string(), number, row.error().message);
    row->problem.source = jsonl.stem().string();
    rows.push_back(std::move(*row));
  }
  if (rows.empty()) return fail("{}: no rows (one JSON object a line)", jsonl.string());
  return rows;
}

bool agrees_with_label(const Verdict& verdict, double label) {
  if (label != 0 && label != 1) return verdict.valid && std::abs(verdict.value - label) <= 0.005;
  return (verdict.valid && verdict.value >= 1) == (label == 1);
}

CheckSummary summarize_check(const std::vector<CheckRow>& rows,
                             const std::vector<std::vector<Verdict>>& verdicts) {
  CheckSummary s;
  s.n_rows = rows.size();
  double sum = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const Verdict& verdict = verdicts[i][0];
    s.n_silent += !verdict.valid;
    s.n_accepted += verdict.valid && verdict.value >= 1;
    if (verdict.valid) sum += verdict.value;
    if (!rows[i].label) continue;
    ++s.n_labelled;
    s.n_agree += agrees_with_label(verdict, *rows[i].label);
  }
  if (s.n_rows > s.n_silent) sum /= static_cast<double>(s.n_rows - s.n_silent);
  s.mean = sum;
  return s;
}

std::string describe(const CheckSummary& s) {
  std::string text = fmt::format("{} rows: {} accepted, {} without a verdict, mean {:.4g}",
                                 s.n_rows, s.n_accepted, s.n_silent, s.mean);
  if (s.n_labelled > 0) {
    text += fmt::format("; {} of {} as labelled ({:.2f} %)", s.n_agree, s.n_labelled,
                        100.0 * static_cast<double>(s.n_agree) / static_cast<double>(s.n_labelled));
  }
  return text;
}

}  // namespace r1
