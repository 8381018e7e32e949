// Finds the program in what a model wrote.
#pragma once

#include <string>
#include <string_view>

namespace r1 {

struct ExtractedCode {
  std::string text;
  bool is_fenced = false;
};

/// "py", "python3" → "python"; "c++", "cpp17" → "cpp"; others in lower case.
std::string language_name(std::string_view name);

/// The last block fenced by ``` or ~~~ that names the language, else the last that names none, else
/// the whole text. A last block that is never closed reaches to the end.
ExtractedCode extract_code(std::string_view text, std::string_view language);

}  // namespace r1
