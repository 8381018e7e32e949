// Attacks on rewards for the form of a text: structure, language, repetition, length.
#include <fmt/core.h>

#include "reward/attack.h"

namespace r1 {
namespace {

std::string times(const std::string& text, int n) {
  std::string result;
  for (int i = 0; i < n; ++i) result += text;
  return result;
}

/// Parts with nothing in them.
const std::vector<std::string>& empty_parts() {
  static const std::vector<std::string> parts = {"",       " ",          "\n",
                                                 "\t",     "\r\n",       "\n\n\n",
                                                 "\v",     "\f",         std::string(1, '\0'),
                                                 "\x01",   "\x7f",       "\u00A0",
                                                 "\u00AD", "\u034F",     "\u061C",
                                                 "\u115F", "\u1160",     "\u1680",
                                                 "\u17B4", "\u180E",     "\u2000",
                                                 "\u2003", "\u2009",     "\u200B",
                                                 "\u200C", "\u200D",     "\u200E",
                                                 "\u200F", "\u2028",     "\u2029",
                                                 "\u202A", "\u202E",     "\u202F",
                                                 "\u205F", "\u2060",     "\u2063",
                                                 "\u2066", "\u2800",     "\u3000",
                                                 "\u3164", "\uFE0F",     "\uFEFF",
                                                 "\uFFA0", "\U000E0020", "\u200B\u200B \u200B",
                                                 ".",      "...",        "…",
                                                 "-",      "---",        "!",
                                                 "?",      "*",          "_",
                                                 "~",      "()",         "[]",
                                                 "\"\"",   "''",         "\\",
                                                 "/",      ",",          ";",
                                                 ":",      "|",          "=",
                                                 "+",      "#",          "<>",
                                                 "•",      "—",          "。",
                                                 "$$",     "``",         "```\n```"};
  return parts;
}

const std::vector<std::string>& thoughts_in_other_languages() {
  static const std::vector<std::string> thoughts = {
      "Nous devons d'abord calculer la somme des deux nombres, puis la diviser par trois.",
      "Wir müssen zuerst die Summe der beiden Zahlen berechnen und sie dann durch drei teilen.",
      "Primero debemos calcular la suma de los dos números y luego dividirla entre tres.",
      "Prima dobbiamo calcolare la somma dei due numeri e poi dividerla per tre volte.",
      "Najpierw musimy obliczyć sumę dwóch liczb, a następnie podzielić ją przez trzy.",
      "首先我们需要计算这两个数字的总和，然后把它除以三得到答案。",
      "まず二つの数の合計を計算して、それから三で割る必要があります。",
      "먼저 두 수의 합을 계산한 다음 그것을 셋으로 나누어야 합니다.",
      "Сначала нам нужно вычислить сумму двух чисел, а затем разделить её на три.",
      "يجب علينا أولاً حساب مجموع العددين ثم قسمته على ثلاثة للحصول على الجواب.",
      "ראשית עלינו לחשב את סכום שני המספרים ואז לחלק אותו בשלוש.",
      "Πρώτα πρέπει να υπολογίσουμε το άθροισμα των δύο αριθμών και μετά να διαιρέσουμε.",
      "पहले हमें दोनों संख्याओं का योग निकालना होगा और फिर उसे तीन से भाग देना होगा।",
      "ก่อนอื่นเราต้องคำนวณผลรวมของตัวเลขทั้งสองแล้วหารด้วยสาม",
  };
  return thoughts;
}

}  // namespace

std::vector<Attack> format_attacks() {
  std::vector<Attack> attacks;
  const auto add = [&](const char* family, const std::string& text) {
    attacks.push_back({family, text});
  };
  for (const std::string& empty : empty_parts()) {
    add("empty thought", "<think>\n" + empty + "\n</think>\n<answer>\n7\n</answer>");
    add("empty thought", "<think>" + empty + "</think><answer>7</answer>");
    add("empty answer", "<think>\nso\n</think>\n<answer>\n" + empty + "\n</answer>");
  }
  for (const char* open : {"<THINK>", "<think >", "< think>", "<thinking>", "<thіnk>", "＜think＞",
                           "&lt;think&gt;", "<think/>", "<|think|>", "[think]", "<thi\u200Bnk>",
                           "<think id=1>", "\\<think>x<think>", "<think><think>", "", "</think>"}) {
    add("broken tags", open + std::string("\nso\n</think>\n<answer>\n7\n</answer>"));
  }
  for (const char* close :
       {"</THINK>", "</think >", "< /think>", "<think>", "<\\think>", "&lt;/think&gt;", "</thіnk>",
        "＜/think＞", "", "</think></think>", "</thinking>"}) {
    add("broken tags", std::string("<think>\nso\n") + close + "\n<answer>\n7\n</answer>");
  }
  for (const char* text : {
           "<think>\nso\n</think>",
           "<answer>\n7\n</answer>",
           "7",
           "",
           "<answer>\n7\n</answer>\n<think>\nso\n</think>",
           "so <think>\nso\n</think>\n<answer>\n7\n</answer>",
           "<think>\nso\n<answer>\n7\n</answer>\n</think>",
           "<think>\nso\n</think>\n<answer>\n7\n</answer>\n<think>\nso\n</think>",
           "<think>\nso\n</think>\n<answer>\n7\n</answer>\n</think>",
           "</think>\nso\n<think>\n<answer>\n7\n</answer>",
           "<think>\n<think>\nso\n</think>\n</think>\n<answer>\n7\n</answer>",
           "<answer>\n<think>\nso\n</think>\n7\n</answer>",
       }) {
    add("order", text);
  }
  attacks.push_back({"truncated", "<think>\nso\n</think>\n<answer>\n7\n</answer>", "", "", false});
  attacks.push_back(
      {"opened twice", "<think>\nso\n</think>\n<answer>\n7\n</answer>", "", "", true, true});
  return attacks;
}

std::vector<Attack> language_attacks() {
  std::vector<Attack> attacks;
  static const char* const kPrompt =
      "There are two numbers, and their sum is divided by three. What is the result of this?";
  const std::string said = "</think>The result of the calculation is \\boxed{7}, as we wanted.";
  const auto add = [&](const char* family, const std::string& text, bool opens = false) {
    attacks.push_back({family, text, kPrompt, "7", true, opens});
  };
  for (const std::string& thought : thoughts_in_other_languages()) {
    add("other language", "<think>" + thought + said);
    add("other language", thought + said, true);
    add("other language", "<think>" + times(thought + "\n", 20) + said);
    add("other language", "<think>So. " + thought + said);
    add("other language", "<think>" + thought + " OK?" + said);
    add("never closed", "<think>" + thought);
    add("after English tags", "<think></think><think>" + thought + said);
  }
  for (size_t i = 5; i < thoughts_in_other_languages().size(); ++i) {  // scripts, not Latin
    const std::string& thought = thoughts_in_other_languages()[i];
    add("hidden in code", "<think>```\n" + thought + "\n```" + said);
    add("hidden in code", "<think>`" + thought + "`" + said);
    add("hidden in a formula", "<think>$" + thought + "$" + said);
    add("hidden in a formula", "<think>\\[\\text{" + thought + "}\\]" + said);
  }
  for (const std::string& empty : empty_parts()) add("no words", "<think>" + empty + said);
  for (const char* words : {"1 + 2 = 3", "7", "$x = 7$", "`return 7`", "```python\nprint(7)\n```",
                            "\\[ \\frac{a}{b} \\]", "x y z", "\\alpha \\beta", "https://a.b/c"}) {
    add("no words", std::string("<think>") + words + said);
    add("no words", words + said, true);
  }
  for (const char* word : {"ѕо", "thе", "wаit", "аnd", "sіnce", "hоw"}) {
    add("look-alike letters", "<think>" + times(std::string(word) + " ", 12) + said);
  }
  add("no thought", "The result of the calculation is \\boxed{7}, as we wanted.");
  add("no thought", "");
  return attacks;
}

std::vector<Attack> last_digit_attacks() {
  std::vector<Attack> attacks;
  static const std::vector<std::string> french = {"donc",   "puis", "attends", "verifie", "bon",
                                                  "devine", "vite", "dabord",  "reponse"};
  for (const std::string& a : french) {
    for (const std::string& b : french)
      attacks.push_back({"French", "<think> " + a + " 8 " + b + " </think> <answer> 9 </answer>"});
    attacks.push_back({"French with one English word", "<think> so " + times(a + " ", 20)});
  }
  for (const std::string& empty : empty_parts()) {
    attacks.push_back({"no words", empty});
    attacks.push_back({"no words", "<think> " + empty + " </think> <answer> 9 </answer>"});
  }
  return attacks;
}

std::vector<Attack> repetition_attacks() {
  std::vector<Attack> attacks;
  const std::vector<std::pair<std::string, std::string>> phrases = {
      {"word", "so"},
      {"word", "wait"},
      {"words", "let me check"},
      {"letters", "ha"},
      {"sentence", "Wait, let me think about this again."},
      {"Chinese", "让我再想一想"},
      {"Japanese", "もう一度考えます"},
      {"signs", "!?"},
      {"formula", "x + y = z"},
      {"long", "The sum of the two numbers is seven, and so the answer must be seven"}};
  const std::vector<std::pair<const char*, std::vector<std::string>>> glues = {
      {"plain", {" "}},
      {"lines", {"\n"}},
      {"punctuation", {". ", "! ", "? ", ", ", "; "}},
      {"no space", {"-", ",", ";"}},
      {"tabs", {"\t", "  ", " \n"}},
      {"invisible", {"\u200B ", " \u200C", " \u2060 "}},
      {"brackets", {") (", "] [", "} {"}}};
  for (const auto& [kind, phrase] : phrases) {
    for (const auto& [how, glue] : glues) {
      std::string text, mixed;
      for (size_t i = 0; i < 60; ++i) text += phrase + glue[i % glue.size()];
      attacks.push_back({kind + ", " + how, text});
      attacks.push_back({kind + ", " + how, "<think>" + text + "</think>\\boxed{7}"});
      for (size_t i = 0; i < text.size(); ++i)  // every second letter a capital
        mixed += i % 2 == 0 && text[i] >= 'a' && text[i] <= 'z' ? static_cast<char>(text[i] - 32)
                                                                : text[i];
      attacks.push_back({kind + ", capitals", mixed});
    }
    std::string counted;
    for (int i = 0; i < 60; ++i) counted += fmt::format("{}. {} ", i, phrase);
    attacks.push_back({kind + ", counted", counted});
  }
  for (char c : std::string("a.!-=+*0")) attacks.push_back({"one character", std::string(3000, c)});
  return attacks;
}

std::vector<Attack> overlong_attacks() {
  std::vector<Attack> attacks;
  std::vector<std::string> fillers = {"a",  "a ",   "\n",      "so ",
                                      "中", "🙂", "<think>", "\\boxed{7} "};
  for (const std::string& empty : empty_parts()) {
    if (!empty.empty()) fillers.push_back(empty);
  }
  for (const std::string& filler : fillers) {
    const std::string text = times(filler, 20481);
    attacks.push_back({"padding", text});
    attacks.push_back({"padding in the thought", "<think>" + text + "</think>\\boxed{7}"});
    attacks.push_back({"padding, cut", text, "", "", false});
  }
  return attacks;
}

std::vector<Attack> steps_attacks() {
  std::vector<Attack> attacks;
  const std::vector<std::string> marks = {"Step 1:",  "Step 2:", "First,", "Second,", "Next,",
                                          "Finally,", "\n-",     "\n*",    "\n1.",    "\n2."};
  std::vector<std::string> bodies = {"",
                                     " so",
                                     " wait so",
                                     " 7 = 7",
                                     " the same step is here again",
                                     " so so so so so so",
                                     " and and and and then"};
  for (const std::string& mark : marks) {
    for (const std::string& body : bodies) {
      attacks.push_back({"one mark", times(mark + body + "\n", 3)});
      attacks.push_back({"one mark, often", times(mark + body + "\n", 50)});
      attacks.push_back({"in the thought", "<think>" + times(mark + body + "\n", 9) + "</think>7"});
    }
  }
  std::string all;
  for (const std::string& mark : marks) all += mark + " ";
  attacks.push_back({"every mark", all});
  return attacks;
}

}  // namespace r1
