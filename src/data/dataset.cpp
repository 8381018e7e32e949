#include "data/dataset.h"

#include <simdjson.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>

#include "base/log.h"
#include "data/published.h"

namespace r1 {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;
using simdjson::dom::object;
using Names = std::initializer_list<std::string_view>;

const char* type_name(element value) {
  switch (value.type()) {
    case element_type::ARRAY:
      return "a list";
    case element_type::OBJECT:
      return "an object";
    case element_type::STRING:
      return "text";
    case element_type::BOOL:
      return "true or false";
    case element_type::NULL_VALUE:
      return "null";
    default:
      return "a number";
  }
}

std::string trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

/// A member of an object; null counts as absent.
std::optional<element> find(object row, std::string_view name) {
  element value;
  if (row.at_key(name).get(value) || value.is_null()) return std::nullopt;
  return value;
}

Result<std::string> text_of(element value, std::string_view where) {
  std::string_view text;
  if (value.get(text)) return fail("{}: expected text, found {}", where, type_name(value));
  return std::string(text);
}

/// The content of a message: text, or OpenAI's list of {"type": "text", "text": …}.
Result<std::string> content_of(element value, const std::string& where) {
  simdjson::dom::array parts;
  if (value.get(parts)) return text_of(value, where);
  std::string content;
  for (element part : parts) {
    element text;
    if (part["text"].get(text)) return fail("{}: a part that is not text", where);
    R1_TRY(const std::string piece, text_of(text, where + ".text"));
    content += piece;
  }
  return content;
}

Result<std::string> role_of(object message, const std::string& where) {
  auto value = find(message, "role");
  if (!value) value = find(message, "from");
  if (!value) return fail("{}: no role", where);
  R1_TRY(std::string role, text_of(*value, where + ".role"));
  if (role == "human") role = "user";  // ShareGPT
  if (role == "gpt") role = "assistant";
  for (std::string_view known : {"system", "developer", "user", "assistant", "tool"}) {
    if (role == known) return role;
  }
  return fail("{}: unknown role \"{}\" (system, developer, user, assistant, tool)", where, role);
}

Result<Message> message_of(element value, const std::string& where) {
  object fields;
  if (value.get(fields)) return fail("{}: expected a message, found {}", where, type_name(value));
  Message message;
  R1_TRY(message.role, role_of(fields, where));
  auto content = find(fields, "content");
  if (!content) content = find(fields, "value");
  const auto tool_calls = find(fields, "tool_calls");
  if (content) {
    R1_TRY(message.content, content_of(*content, where + ".content"));
  } else if (!tool_calls) {
    return fail("{}: no content", where);
  }
  if (const auto reasoning = find(fields, "reasoning_content")) {
    R1_TRY(message.reasoning_content, text_of(*reasoning, where + ".reasoning_content"));
  }
  if (const auto name = find(fields, "name")) {
    R1_TRY(message.name, text_of(*name, where + ".name"));
  }
  if (const auto id = find(fields, "tool_call_id")) {
    R1_TRY(message.tool_call_id, text_of(*id, where + ".tool_call_id"));
  }
  if (tool_calls) message.tool_calls_json = simdjson::minify(*tool_calls);
  return message;
}

Result<std::vector<Message>> messages_of(simdjson::dom::array list, const std::string& where) {
  std::vector<Message> messages;
  for (element value : list) {
    R1_TRY(Message message, message_of(value, fmt::format("{}[{}]", where, messages.size())));
    messages.push_back(std::move(message));
  }
  if (messages.empty()) return fail("{}: an empty list", where);
  return messages;
}

/// What an assistant message says, its thought in front.
std::string target_of(const Message& message) {
  if (message.reasoning_content.empty()) return message.content;
  return "<think>\n" + message.reasoning_content + "\n</think>\n\n" + message.content;
}

/// Turns one row into a Problem; columns are marked as they are used, the rest is kept as JSON.
class RowReader {
 public:
  RowReader(const DatasetOptions& options, object row) : options_(options), row_(row) {}

  Result<Problem> read(const std::string& id) {
    problem_.id = id;
    R1_TRY(const bool is_document, read_document());
    if (is_document) return std::move(problem_);
    R1_RETURN_IF_ERROR(read_prompt());
    R1_RETURN_IF_ERROR(read_completion());
    R1_RETURN_IF_ERROR(read_answer());
    read_id();
    read_difficulty();
    for (auto [name, value] : row_) {
      if (std::find(used_.begin(), used_.end(), name) != used_.end()) continue;
      problem_.columns.emplace(name, simdjson::minify(value));
    }
    const bool is_problem = !used_.empty() && (used_[0] == "problem" || used_[0] == "Problem");
    if (is_problem && problem_.form.empty() && !problem_.answer.empty()) problem_.form = "math";
    finish_published(problem_, answer_is_text_);
    return std::move(problem_);
  }

 private:
  struct Column {
    std::string name;
    element value;
  };

  /// The column the user named, which must be there, or else the first of the known ones.
  Result<std::optional<Column>> take(const std::string& named, Names known) {
    if (!named.empty()) {
      const auto value = find(row_, named);
      if (!value) return fail("no column {}; the row has {}", named, column_names());
      return use(named, *value);
    }
    for (std::string_view name : known) {
      if (const auto value = find(row_, name)) return use(name, *value);
    }
    return std::nullopt;
  }

  std::optional<Column> use(std::string_view name, element value) {
    used_.push_back(std::string(name));
    return Column{used_.back(), value};
  }

  std::string column_names() {
    std::string names;
    for (auto [name, value] : row_) {
      if (names.size() > 200) return names + ", …";
      names += (names.empty() ? "" : ", ") + std::string(name);
    }
    return names.empty() ? "no columns" : names;
  }

  /// Of a corpus: the text alone.
  Result<bool> read_document() {
    if (!options_.is_corpus) return false;
    R1_TRY(const auto text, take(options_.completion_column, {"text"}));
    if (!text) return false;
    R1_TRY(problem_.completion, text_of(text->value, text->name));
    return true;
  }

  Result<void> read_prompt() {
    R1_TRY(const auto prompt,
           take(options_.prompt_column, {"messages", "conversations", "prompt", "problem",
                                         "question", "Problem", "Question", "question_stem"}));
    if (prompt) return set_prompt(*prompt);
    if (find(row_, "endings") && find(row_, "ctx"))
      return set_prompt(*use("ctx", *find(row_, "ctx")));
    if (find(row_, "test_list") && find(row_, "text"))  // MBPP: not a document
      return set_prompt(*use("text", *find(row_, "text")));
    if (find(row_, "instruction")) return read_alpaca();
    if (find(row_, "text")) return {};    // read_completion takes it
    if (find(row_, "chosen")) return {};  // a pair of whole conversations: data/preferences
    return fail("no prompt; the row has {}; name its column with --prompt_column", column_names());
  }

  Result<void> set_prompt(const Column& column) {
    simdjson::dom::array list;
    if (column.value.get(list)) {
      std::string_view text;
      if (column.value.get(text)) {
        return fail("{}: expected text or a list of messages, found {}", column.name,
                    type_name(column.value));
      }
      return set_text_prompt(column.name, std::string(text));
    }
    R1_TRY(problem_.messages, messages_of(list, column.name));
    problem_.is_chat = true;
    if (problem_.messages.back().role == "assistant") {
      problem_.completion = target_of(problem_.messages.back());
      problem_.messages.pop_back();
    }
    return {};
  }

  Result<void> set_text_prompt(const std::string& name, std::string text) {
    if (text.empty()) return fail("{}: empty", name);
    problem_.messages.resize(1);
    problem_.messages[0].role = "user";
    problem_.messages[0].content = std::move(text);
    return {};
  }

  Result<void> read_alpaca() {
    R1_TRY(const auto instruction, take("instruction", {}));
    R1_TRY(std::string prompt, text_of(instruction->value, "instruction"));
    R1_TRY(const auto input, take("", {"input"}));
    if (input) {
      R1_TRY(const std::string text, text_of(input->value, "input"));
      if (!text.empty()) prompt += "\n\n" + text;
    }
    is_alpaca_ = true;
    return set_text_prompt("instruction", std::move(prompt));
  }

  Result<void> read_completion() {
    if (options_.completion_column.empty() && !problem_.completion.empty()) return {};
    const bool is_document = problem_.messages.empty();
    R1_TRY(const auto column, is_document ? take(options_.completion_column, {"text"})
                              : is_alpaca_
                                  ? take(options_.completion_column, {"completion", "output"})
                                  : take(options_.completion_column, {"completion"}));
    if (!column) return {};
    simdjson::dom::array list;
    if (column->value.get(list)) {
      R1_TRY(problem_.completion, text_of(column->value, column->name));
      return {};
    }
    R1_TRY(const auto messages, messages_of(list, column->name));
    if (messages.size() != 1 || messages[0].role != "assistant") {
      return fail("{}: expected text or a list of one assistant message", column->name);
    }
    problem_.completion = target_of(messages[0]);
    return {};
  }

  Result<void> read_answer() {
    R1_TRY(auto column,
           take(options_.answer_column, {"answer", "ground_truth", "gold", "Answer", "answerKey",
                                         "Correct Answer", "solution", "Solution"}));
    if (!column) column = verl_answer();
    if (!column) return {};
    if (column->value.is_array() || column->value.is_object()) {
      return fail("{}: expected text or a number, found {}", column->name,
                  type_name(column->value));
    }
    std::string_view text;
    problem_.answer = column->value.get(text) ? simdjson::minify(column->value) : std::string(text);
    answer_is_text_ = column->value.is_string();
    const size_t mark = problem_.answer.rfind("#### ");  // GSM8K
    if (mark == std::string::npos) return {};
    problem_.answer = trim(problem_.answer.substr(mark + 5));
    problem_.form = "gsm8k";
    return {};
  }

  /// verl: {"reward_model": {"style": "rule", "ground_truth": …}}; the column itself is kept.
  std::optional<Column> verl_answer() {
    object model;
    if (row_.at_key("reward_model").get(model)) return std::nullopt;
    const auto value = find(model, "ground_truth");
    if (!value) return std::nullopt;
    return Column{"reward_model.ground_truth", *value};
  }

  void read_id() {
    for (std::string_view name : {"id", "unique_id", "task_id"}) {
      const auto value = find(row_, name);
      if (!value || !(value->is_string() || value->is_int64())) continue;
      std::string_view text;
      problem_.id = value->get(text) ? simdjson::minify(*value) : std::string(text);
      used_.push_back(std::string(name));
      return;
    }
  }

  void read_difficulty() {
    for (std::string_view name : {"difficulty", "level"}) {
      const auto value = find(row_, name);
      int64_t number;
      if (!value || value->get(number) || number < 0 || number > std::numeric_limits<int>::max()) {
        continue;
      }
      problem_.difficulty = static_cast<int>(number);
      used_.push_back(std::string(name));
      return;
    }
  }

  const DatasetOptions& options_;
  object row_;
  Problem problem_;
  std::vector<std::string> used_;
  bool is_alpaca_ = false, answer_is_text_ = false;
};

Result<Problem> read_line(simdjson::dom::parser& parser, std::string_view line,
                          const DatasetOptions& options, const std::string& id) {
  element value;
  const auto error = parser.parse(line.data(), line.size(), /*realloc_if_needed=*/true).get(value);
  if (error == simdjson::UTF8_ERROR) return fail("not UTF-8");
  if (error) return fail("broken JSON: {}", simdjson::error_message(error));
  object row;
  if (value.get(row)) return fail("expected one JSON object, found {}", type_name(value));
  return RowReader(options, row).read(id);
}

}  // namespace

Result<void> for_each_row(
    const Path& jsonl, const DatasetOptions& options,
    const std::function<Result<void>(Problem&&, std::string_view line)>& use) {
  R1_TRY(const MappedFile file, MappedFile::open(jsonl));
  std::string_view rest = file.text();
  if (rest.substr(0, 3) == "\xEF\xBB\xBF") rest.remove_prefix(3);
  simdjson::dom::parser parser;
  int64_t n_rows = 0, n_skipped = 0;
  std::string first_bad;
  for (int64_t number = 1; !rest.empty(); ++number) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string id = fmt::format("{}:{}", jsonl.filename().string(), number);
    auto problem = read_line(parser, line, options, id);
    if (problem) {
      problem->source = jsonl.stem().string();
      ++n_rows;
      R1_RETURN_IF_ERROR(use(std::move(*problem), line));
    } else if (!options.skip_bad_lines) {
      return fail("{}:{}: {} (mend the line, or leave such lines out with --skip_bad_lines)",
                  jsonl.string(), number, problem.error().message);
    } else if (++n_skipped == 1) {
      first_bad = fmt::format("line {}: {}", number, problem.error().message);
    }
  }
  if (n_skipped > 0) {
    log_warn("{}: {} bad lines left out; first {}", jsonl.string(), n_skipped, first_bad);
  }
  if (n_rows == 0) return fail("{}: no rows (one JSON object a line)", jsonl.string());
  return {};
}

Result<void> for_each_problem(const Path& jsonl, const DatasetOptions& options,
                              const std::function<Result<void>(Problem&&)>& use) {
  return for_each_row(jsonl, options,
                      [&](Problem&& problem, std::string_view) { return use(std::move(problem)); });
}

Result<std::vector<Problem>> read_problems(const Path& jsonl, const DatasetOptions& options) {
  std::vector<Problem> problems;
  const auto keep = [&](Problem&& problem) -> Result<void> {
    problems.push_back(std::move(problem));
    return {};
  };
  R1_RETURN_IF_ERROR(for_each_problem(jsonl, options, keep));
  return problems;
}

}  // namespace r1
