#include "data/published.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/file.h"
#include "base/random.h"

namespace r1 {
namespace {

using Json = nlohmann::json;
constexpr auto kReplace = Json::error_handler_t::replace;
constexpr size_t kLetters = 26;

Json column(const Problem& problem, const std::string& name) {
  const auto found = problem.columns.find(name);
  if (found == problem.columns.end()) return nullptr;
  return Json::parse(found->second, nullptr, false);
}

std::vector<std::string> texts_of(const Json& list) {
  std::vector<std::string> texts;
  if (!list.is_array()) return texts;
  for (const Json& item : list)
    texts.push_back(item.is_string() ? item.get<std::string>()
                                     : item.dump(-1, ' ', false, kReplace));
  return texts;
}

struct Choices {
  std::vector<std::string> texts, labels;
  int right = -1;
};

int place_of(const std::vector<std::string>& texts, const std::string& text) {
  const auto at = std::find(texts.begin(), texts.end(), text);
  return at == texts.end() ? -1 : static_cast<int>(at - texts.begin());
}

/// A letter, a label, the text of a choice, or a place from 0.
int right_choice(const Choices& choices, const std::string& answer, bool answer_is_text) {
  if (answer.empty()) return -1;
  if (const int at = place_of(choices.labels, answer); at >= 0) return at;
  const int n = static_cast<int>(choices.texts.size());
  if (answer_is_text) {
    if (const int at = place_of(choices.texts, answer); at >= 0) return at;
    if (answer.size() == 1 && answer[0] >= 'A' && answer[0] < 'A' + n) return answer[0] - 'A';
  }
  const bool is_number =
      answer.size() <= 2 &&
      std::all_of(answer.begin(), answer.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!is_number) return -1;
  const int at = std::stoi(answer);
  return at < n ? at : -1;
}

/// GPQA: the right answer has a column of its own; its place is drawn from the question.
std::optional<Choices> read_gpqa(const Problem& problem) {
  if (!problem.columns.contains("Incorrect Answer 1")) return std::nullopt;
  Choices choices;
  choices.texts = {problem.answer};
  for (int i = 1; i <= 9; ++i) {
    const Json wrong = column(problem, fmt::format("Incorrect Answer {}", i));
    if (wrong.is_string()) choices.texts.push_back(wrong.get<std::string>());
  }
  const std::string& question = problem.messages.back().content;
  const uint64_t key = std::stoull(
      checksum(std::as_bytes(std::span(question.data(), question.size()))).substr(0, 16), nullptr,
      16);
  Rng rng(key, stream_key({static_cast<uint64_t>(Purpose::kShuffle)}));
  choices.right = 0;
  for (size_t i = choices.texts.size(); i-- > 1;) {
    const auto j = static_cast<size_t>(rng.below(static_cast<int64_t>(i + 1)));
    std::swap(choices.texts[i], choices.texts[j]);
    if (choices.right == static_cast<int>(i)) {
      choices.right = static_cast<int>(j);
    } else if (choices.right == static_cast<int>(j)) {
      choices.right = static_cast<int>(i);
    }
  }
  return choices;
}

std::optional<Choices> read_choices(const Problem& problem, bool answer_is_text) {
  if (auto gpqa = read_gpqa(problem)) return gpqa;
  Choices choices;
  for (const char* name : {"choices", "options", "endings"}) {
    const Json list = column(problem, name);
    if (list.is_object() && list.contains("text")) {
      choices.texts = texts_of(list["text"]);
      if (list.contains("label")) choices.labels = texts_of(list["label"]);
    } else if (list.is_array() && !list.empty() && list[0].is_object()) {  // [{label, text}, …]
      for (const Json& item : list) {
        if (!item.is_object() || !item.contains("text") || !item.contains("label")) continue;
        choices.texts.push_back(texts_of(Json::array({item["text"]}))[0]);
        choices.labels.push_back(texts_of(Json::array({item["label"]}))[0]);
      }
    } else {
      choices.texts = texts_of(list);
    }
    if (!choices.texts.empty()) break;
  }
  if (choices.texts.size() < 2 || choices.texts.size() > kLetters) return std::nullopt;
  std::string answer = problem.answer;
  if (answer.empty()) {  // HellaSwag: the place, as text or number
    const Json label = column(problem, "label");
    answer = label.is_string() ? label.get<std::string>()
                               : (label.is_number_integer() ? label.dump() : "");
    answer_is_text = false;
  }
  choices.right = right_choice(choices, answer, answer_is_text);
  if (choices.right < 0) return std::nullopt;
  return choices;
}

void ask_choice(Problem& problem, const Choices& choices) {
  std::string& question = problem.messages.back().content;
  problem.columns["question"] = Json(question).dump(-1, ' ', false, kReplace);
  problem.columns["choices"] = Json(choices.texts).dump(-1, ' ', false, kReplace);
  question += "\n";
  for (size_t i = 0; i < choices.texts.size(); ++i) {
    question += fmt::format("\n{}. {}", static_cast<char>('A' + i), choices.texts[i]);
  }
  problem.answer = std::string(1, static_cast<char>('A' + choices.right));
  problem.form = "choice";
}

/// The asserts are part of the question.                       [Austin et al. 2021, section 2.1]
void ask_mbpp(Problem& problem) {
  std::string& question = problem.messages.back().content;
  question += " Your code should pass these tests:\n";
  for (const std::string& test : texts_of(column(problem, "test_list"))) question += "\n" + test;
  question += "\n";
  const std::vector<std::string> imports = texts_of(column(problem, "test_imports"));
  if (!imports.empty() && !problem.columns.contains("test_setup_code")) {
    std::string setup;
    for (const std::string& line : imports) setup += line + "\n";
    problem.columns["test_setup_code"] = Json(setup).dump(-1, ' ', false, kReplace);
  }
  problem.form = "mbpp";
}

}  // namespace

void finish_published(Problem& problem, bool answer_is_text) {
  if (problem.messages.empty() || problem.messages.back().role != "user") return;
  const auto has = [&](const char* name) { return problem.columns.contains(name); };
  if (has("test_list")) {
    ask_mbpp(problem);
  } else if ((has("test") && has("entry_point")) || (has("tests") && has("stop_tokens"))) {
    problem.form = "humaneval";
  } else if (has("choices") || has("options") || has("endings") || has("Incorrect Answer 1")) {
    if (const auto choices = read_choices(problem, answer_is_text)) ask_choice(problem, *choices);
  }
}

const char* reward_of_form(const std::string& form) {
  if (form == "gsm8k" || form == "math") return "math_answer";
  if (form == "choice") return "choice";
  if (form == "humaneval" || form == "mbpp") return "code";
  return "accuracy";
}

const char* instruction_of_form(const std::string& form) {
  if (form == "gsm8k" || form == "math")
    return "Please reason step by step, and put your final answer within \\boxed{}.";
  if (form == "choice")
    return "Please reason step by step, and put the letter of your final answer within \\boxed{}.";
  return "";
}

std::vector<std::string> choices_of(const Problem& problem) {
  return texts_of(column(problem, "choices"));
}

std::string question_of(const Problem& problem) {
  const Json question = column(problem, "question");
  return question.is_string() ? question.get<std::string>() : "";
}

}  // namespace r1
