// What a completion votes for when several of them elect an answer.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "reward/episodes.h"

namespace r1 {

/// The answer of a completion as the reward `judge` finds it: the letters of a choice, the digits
/// inside <answer> for accuracy_strict, nothing for code, else the final answer.
std::string vote_of(const std::string& judge, std::string_view completion);

/// Gives answers of equal value one text, that of the first: first by text, then for math_answer
/// by value. Empty answers stay.
void unite_votes(const std::string& judge, std::vector<std::string*>& answers);

}  // namespace r1
