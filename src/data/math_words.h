// The sentences of the math compiler, in each of its languages.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"

namespace r1 {

using Phrasings = std::vector<std::string_view>;

/// Places: {e} an expression, {l} a calculation with its result, {v} a result, {w} a wrong one, {x}
/// what is left of an expression; in stories {n} {o} names, {h} he or she, {t} things, {f} of them
/// (de billes), {a} {b} {c} {d} {p} numbers.
struct MathWords {
  Phrasings ask;                // for the value of {e}
  Phrasings intro;              // of a thought about {e}
  Phrasings think;              // of a thought about a story
  Phrasings first, next, last;  // a step {l}
  Phrasings leaves;             // what is left: {x}
  Phrasings wait;               // at once: {l} was not {w}
  Phrasings late;               // one step later: {l} is {v}, not {w}
  Phrasings again;              // then {l}
  Phrasings check;              // the opposite operation: {l}
  Phrasings answer;             // {e} is {v}, in tags or a box
  Phrasings close;              // the end of the thought: {v}
};

/// One event of a story: what is told, and how its step begins.
struct StoryWords {
  Phrasings tell, work;
};

struct Person {
  std::string_view name, pronoun;
};

struct Thing {
  std::string_view many;  // marbles, billes
  std::string_view of;    // marbles, de billes
};

struct MathStories {
  std::vector<Person> people;
  std::vector<Thing> things;
  StoryWords start, gain, loss, boxes, multiply, give_share;
  StoryWords has, share, together, sum;  // questions; sum: the second step of together
  StoryWords shop, shop_first, shop_second, shop_change;
  StoryWords trip, trip_second, trip_total, trip_left;
};

/// language: en or fr.
const MathWords& math_words(std::string_view language);
const MathStories& math_stories(std::string_view language);
const std::vector<std::string>& math_languages();

std::string_view draw_phrase(const Phrasings& phrasings, Rng& rng);

/// The sentence with its places filled.
std::string fill_phrase(std::string_view phrase,
                        std::initializer_list<std::pair<char, std::string>> places);

/// The first letter as a capital.
std::string capitalized(std::string text);

}  // namespace r1
