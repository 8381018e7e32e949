// The words of the built-in task in its two languages.
#pragma once

#include <array>
#include <string_view>

namespace r1 {

enum class Word { kSo, kThen, kWait, kCheck, kOk, kGuess, kQuick, kFirst, kAnswer };

inline constexpr std::array<std::string_view, 9> kEnglishWords = {
    "so", "then", "wait", "check", "ok", "guess", "quick", "first", "answer"};
inline constexpr std::array<std::string_view, 9> kFrenchWords = {
    "donc", "puis", "attends", "verifie", "bon", "devine", "vite", "dabord", "reponse"};

}  // namespace r1
