// A problem: what is asked, the reference answer, and what else its data row says.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "text/chat_template.h"

namespace r1 {

/// One row of a data set. A pretraining document has no messages, only a completion.
struct Problem {
  std::string id;
  std::vector<Message> messages;  // what is asked; a plain text prompt is one user message
  bool is_chat =
      false;  // false: messages[0].content is the raw prompt, unless the model has a template
  std::string answer;      // the reference; "" when the row has none
  std::string completion;  // the SFT target when the row has one
  int difficulty = 0;
  std::string source;                          // the data set: its file's name without the ending
  std::map<std::string, std::string> columns;  // every other column, as JSON text
  // what published form the row has, which says how it is judged: gsm8k, math, choice, humaneval,
  // mbpp; "" for any other (data/published.h)
  std::string form = {};
};

}  // namespace r1
