// Word problems: a story is told while its syntax tree grows, event by event.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "data/math_tree.h"

namespace r1 {

struct MathStory {
  std::string question;
  MathTree tree;
  std::vector<std::string> work;  // of each node that is a step: a sentence with the place {l}
};

/// level 1 … 5: the number of events, and what may happen. All numbers are whole and above zero.
MathStory draw_story(int level, std::string_view language, Rng& rng);

}  // namespace r1
