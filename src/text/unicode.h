// UTF-8 and character classes: validity, repair, normal forms and the classes that tokenizers ask
// for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace r1 {

bool is_ascii(std::string_view bytes);
bool is_utf8(std::string_view bytes);

/// Each maximal ill-formed part becomes one U+FFFD.       [Unicode 15, table 3-8]
std::string to_utf8(std::string_view bytes);

/// Bytes at the end that begin a character which later bytes may complete: 0 to 3.
size_t incomplete_suffix(std::string_view bytes);

/// The code point at pos of valid UTF-8; pos moves behind it.
char32_t next_code_point(std::string_view text, size_t& pos);
/// The code point that ends before pos (pos > 0) of valid UTF-8; pos moves to its first byte.
char32_t previous_code_point(std::string_view text, size_t& pos);
void append_code_point(std::string& text, char32_t c);
size_t count_code_points(std::string_view text);

enum class NormalForm { kNfc, kNfd, kNfkc, kNfkd };
/// Changes text in place, and only when it is not in the form already.
void to_normal_form(std::string& text, NormalForm form);

/// Character by character, without the final-sigma rule, as Hugging Face tokenizers do.
std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);

bool is_space(char32_t c);        // White_Space
bool is_word(char32_t c);         // letters, marks, decimal digits, connectors, joiners
bool is_punctuation(char32_t c);  // category P, or ASCII punctuation
bool is_number(char32_t c);       // category N

}  // namespace r1
