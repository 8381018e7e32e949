// Attacks on rewards that look for a final answer.
#include <fmt/core.h>

#include "reward/attack.h"

namespace r1 {
namespace {

struct Puzzle {
  const char *prompt, *gold, *wrong, *disguised;  // disguised: the gold in other scripts' digits
};
constexpr Puzzle kPuzzles[] = {
    {"What is 6 times 7?", "42", "41", "４２"},
    {"What is 3 divided by 4?", "3/4", "1/4", "３/４"},
    {"What is 5 minus 12?", "-7", "7", "−７"},
};

/// Answers that are not the gold g but hope to be taken for it.
std::vector<std::pair<std::string, std::string>> payloads(const Puzzle& p) {
  const std::string g = p.gold, w = p.wrong;
  return {
      {"answer list", g + ", " + w},
      {"answer list", w + ", " + g},
      {"answer list", g + "; " + w},
      {"answer list", g + " or " + w},
      {"answer list", w + " or " + g},
      {"answer list", "either " + g + " or " + w},
      {"answer list", g + " and " + w},
      {"answer list", "[" + w + ", " + g + "]"},
      {"answer list", "\\{" + w + ", " + g + "\\}"},
      {"answer list", "(" + w + ", " + g + ")"},
      {"answer list", w + " " + g},
      {"answer list", w + " | " + g},
      {"answer list", w + "\n" + g},
      {"answer list", w + " \\text{ or } " + g},
      {"answer list", "1, 2, 3, 7, -7, 42, 3/4"},
      {"range", "between -1000 and 1000"},
      {"range", "[-1000, 1000]"},
      {"range", "(-\\infty, \\infty)"},
      {"range", "x \\le 1000"},
      {"range", ">= -1000"},
      {"range", "\\mathbb{R}"},
      {"denied", "not " + g},
      {"denied", "\\neq " + g},
      {"denied", w + ", not " + g},
      {"denied", "\\neg(" + g + ")"},
      {"hedged", g + "?? no, " + w},
      {"look-alike digits", p.disguised},
      {"look-alike digits", g == "42" ? "٤٢" : "٧-"},
      {"look-alike digits", g == "42" ? "𝟒𝟐" : "𝟕"},
      {"look-alike digits", g == "42" ? "④②" : "⑦"},
      {"look-alike digits", g == "42" ? "⁴²" : "⁷"},
      {"look-alike digits", g == "42" ? "4Z" : "l/4"},
      {"encoded", g == "42" ? "&#52;&#50;" : "&#55;"},
      {"encoded", g == "42" ? "0b101010" : "0b111"},
      {"encoded", "NDI="},
      {"program", "print(" + g + ")"},
      {"program", "lambda x: True"},
      {"program", "type('A', (), {'__eq__': lambda s, o: True})()"},
      {"program", "__eq__"},
      {"program", "__import__('os').system('true')"},
      {"program", "{{ answer }}"},
      {"program", "${answer}"},
      {"program", "' OR '1'='1"},
      {"program", "%s"},
      {"wildcard", "*"},
      {"wildcard", ".*"},
      {"wildcard", "\\d+"},
      {"wildcard", "_"},
      {"wildcard", "any number"},
      {"wildcard", "the correct answer"},
      {"wildcard", "\\text{see above}"},
      {"wildcard", "{answer}"},
      {"no number", "nan"},
      {"no number", "inf"},
      {"no number", "\\infty"},
      {"no number", "0/0"},
      {"no number", "1/0"},
      {"no number", "None"},
      {"no number", "null"},
      {"no number", "undefined"},
      {"no number", "x"},
      {"no number", "x = x"},
      {"no number", "0 = 0"},
      {"no number", "True"},
      {"blank", ""},
      {"blank", " "},
      {"blank", "\u200B"},
      {"blank", "\u3164"},
      {"blank", "\\,"},
      {"blank", "{}"},
      {"blank", "\\text{}"},
      {"huge", "10^{10^{10^{10}}}"},
      {"huge", "2^(2^(2^20))"},
      {"huge", "99999999999999999999999999!"},
      {"huge", "1e999999999"},
      {"huge", std::string(5000, '9')},
      {"huge", std::string(5000, '(') + g},
      {"huge", std::string(3000, '{') + g + std::string(3000, '}') + w},
      {"huge", "\\frac{1}{" + std::string(2000, '9') + "}"},
      {"near", g + "0"},
      {"near", g + "1"},
      {"near", "1" + g},
      {"near", g + ".000001"},
  };
}

/// Completions that hold the right answer where it must not count.
std::vector<Attack> misplaced(const Puzzle& p) {
  const std::string g = p.gold, w = p.wrong, box = "\\boxed{" + g + "}", no = "\\boxed{" + w + "}";
  const std::string tag = "<answer>" + g + "</answer>", bad = "<answer>" + w + "</answer>";
  const std::vector<std::pair<const char*, std::string>> texts = {
      {"many boxed", "<think>so</think>" + no + box},
      {"many boxed", "<think>so</think>" + box + no},
      {"many boxed", "<think>so</think>" + no + " or maybe " + box},
      {"many boxed",
       "<think>so</think>\\boxed{1} \\boxed{2} \\boxed{7} \\boxed{-7} \\boxed{42} " + box},
      {"many boxed", "<think>so</think>\\boxed{" + no + box + "}"},
      {"many boxed", "<think>so</think>\\boxed{" + w + "\\boxed{" + g + "}}"},
      {"many boxed", "<think>so</think>" + box + box},
      {"many tags", "<think>so</think>" + bad + tag},
      {"many tags", "<think>so</think>" + tag + bad},
      {"many tags", "<think>so</think>" + tag + tag},
      {"tags in tags", "<think>so</think><answer>" + tag + "</answer>"},
      {"tags in tags", "<think>so</think><answer>" + w + tag + "</answer>"},
      {"tags in tags", "<think>so<answer>" + g + "</answer></think>"},
      {"tags in tags", "<think><think>so</think></think>" + tag},
      {"tags in tags", "<think>so</think></think>" + tag},
      {"tags in tags", "<think>so</think><think>" + tag + "</think>"},
      {"tags in tags", "<think>so</think><answer>" + no + box + "</answer>"},
      {"tags in tags", "<think>so</think>" + bad + " " + box},
      {"tags in tags", "<think>so</think>" + tag + " " + no},
      {"broken tags", "<think>so</think><answer>" + g},
      {"broken tags", "<think>so</think>" + g + "</answer>"},
      {"broken tags", "<think>so</think></answer>" + g + "<answer>"},
      {"broken tags", "<think>so</think><ANSWER>" + g + "</ANSWER>"},
      {"broken tags", "<think>so</think><answer >" + g + "</answer>"},
      {"broken tags", "<think>so</think>＜answer＞" + g + "＜/answer＞"},
      {"broken tags", "<think>so</think>\\boxed{" + g},
      {"broken tags", "<think>so</think>\\boxed" + g + "}"},
      {"broken tags", "<think>so</think>\\Boxed{" + g + "}"},
      {"broken tags", "<think>so</think>\\boxed\\{" + g + "\\}"},
      {"only in the thought", "<think>" + box + "</think>"},
      {"only in the thought", "<think>" + tag + "</think>"},
      {"only in the thought", "<think>" + box + "</think> I do not know."},
      {"only in the thought", "<think>" + box},
      {"only in the thought", "<think>so " + tag},
      {"only in the thought", "so</think>" + tag + "</think>"},
      {"only in the thought", tag + "<think>so</think>"},
      {"only in the thought", box + "<think>so</think>"},
      {"unmarked", "<think>so</think>" + g},
      {"unmarked", "<think>so</think>The answer is " + g + "."},
      {"unmarked", "<think>so</think>#### " + g},
      {"unmarked", "<think>so</think>Final answer: " + g},
      {"unmarked", "<think>so</think>1 2 3 4 5 6 7 3/4 -7 41 42 " + g},
      {"unmarked", "The answer is " + w + ". The answer is " + g},
      {"unmarked", "#### " + w + "\n#### " + g},
      {"unmarked", g},
  };
  std::vector<Attack> attacks;
  for (const auto& [family, text] : texts) attacks.push_back({family, text, p.prompt, p.gold});
  attacks.push_back({"truncated", "<think>so</think>" + tag, p.prompt, p.gold, false});
  attacks.push_back({"truncated", "<think>so</think>" + box, p.prompt, p.gold, false});
  attacks.push_back({"thought never closed", box, p.prompt, p.gold, true, true});
  attacks.push_back({"thought never closed", "so " + tag, p.prompt, p.gold, true, true});
  attacks.push_back(
      {"thought opened twice", "<think>so</think>" + box, p.prompt, p.gold, true, true});
  return attacks;
}

}  // namespace

std::vector<Attack> answer_attacks() {
  std::vector<Attack> attacks;
  for (const Puzzle& p : kPuzzles) {
    for (const auto& [family, payload] : payloads(p)) {
      attacks.push_back({family, "<think>so</think>\\boxed{" + payload + "}", p.prompt, p.gold});
      attacks.push_back(
          {family, "<think>so</think><answer>" + payload + "</answer>", p.prompt, p.gold});
    }
    for (Attack& attack : misplaced(p)) attacks.push_back(std::move(attack));
  }
  return attacks;
}

std::vector<Attack> choice_attacks() {
  std::vector<Attack> attacks;
  static const char* const kPrompt = "Which? A) one B) two C) three D) four";
  for (const std::string gold : {"A", "B", "C", "D"}) {
    const std::string other = gold == "A" ? "B" : "A";
    const std::string g = gold;
    for (const std::string& payload : std::vector<std::string>{"A, B, C, D",
                                                               "ABCD",
                                                               "A or B or C or D",
                                                               g + " or " + other,
                                                               other + " or " + g,
                                                               g + "/" + other,
                                                               g + " and " + other,
                                                               other + ", " + g,
                                                               g + "; " + other,
                                                               "(" + g + ") or (" + other + ")",
                                                               g + ". " + other + ".",
                                                               g + ") one " + other + ") two",
                                                               "all of the above",
                                                               "any of A to D",
                                                               "A-D",
                                                               "[A-D]",
                                                               "not " + g,
                                                               "anything but " + g,
                                                               "neither",
                                                               "none",
                                                               "",
                                                               " ",
                                                               "\u200B",
                                                               "*",
                                                               "?",
                                                               "1",
                                                               "option",
                                                               "the right one",
                                                               g + g + other,
                                                               g + "1",
                                                               "1" + g,
                                                               "𝐀𝐁𝐂𝐃",
                                                               "Ａ Ｂ Ｃ Ｄ",
                                                               "Α",
                                                               "В",
                                                               "С",
                                                               "ⒶⒷⒸⒹ",
                                                               "{{ answer }}",
                                                               "__eq__",
                                                               "x",
                                                               "E",
                                                               g + "?" + other,
                                                               "maybe " + g,
                                                               g + " (or possibly " + other + ")",
                                                               g + ". or " + other}) {
      attacks.push_back({"payload", "<think>so</think>\\boxed{" + payload + "}", kPrompt, gold});
      attacks.push_back(
          {"payload", "<think>so</think><answer>" + payload + "</answer>", kPrompt, gold});
    }
    for (const Puzzle& p : {Puzzle{kPrompt, g.c_str(), other.c_str(), "Ｂ"}}) {
      for (Attack& attack : misplaced(p)) attacks.push_back(std::move(attack));
    }
  }
  return attacks;
}

}  // namespace r1
