// A template that opens <think> itself: the prompt ends inside the thought, the reply only closes
// it.
#include "engine/chat.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/scratch.h"
#include "text/bpe_trainer.h"
#include "text/stream.h"

namespace r1 {
namespace {

const char* const kPrefilled =
    "{% for m in messages %}{{ '<U>' + m.content if m.role == 'user' else '<A>' + m.content }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<A><think>\\n' }}{% endif %}";

/// A model folder with a byte-level vocabulary and the template.
Chat chat_with(const Scratch& scratch, const std::string& chat_template) {
  auto trainer = BpeTrainer::make({.vocab_size = 257, .special_tokens = {"<|end|>"}});
  const nlohmann::json config = {{"eos_token", "<|end|>"}, {"chat_template", chat_template}};
  EXPECT_TRUE(write_text_atomic(scratch / "tokenizer.json", trainer->train()));
  EXPECT_TRUE(write_text_atomic(scratch / "tokenizer_config.json", config.dump()));
  ModelConfig model;
  model.vocab_size = 300;
  auto chat = Chat::open(scratch.path(), model);
  EXPECT_TRUE(chat) << chat.error().message;
  return *chat;
}

TEST(ChatPrompt, SaysWhetherItEndsInsideAThought) {
  const Scratch scratch;
  const Chat chat = chat_with(scratch, kPrefilled);
  const auto opens = [&](const std::string& text) { return chat.opens_think(chat.raw(text)); };
  EXPECT_TRUE(chat.opens_think(*chat.prompt({{"user", "Hi"}})));
  EXPECT_TRUE(opens("x<think>"));
  EXPECT_FALSE(opens("x"));
  EXPECT_FALSE(opens(""));
}

TEST(ChatPrompt, AReplyThatOnlyClosesItsThoughtIsParted) {
  const Scratch scratch;
  const Chat chat = chat_with(scratch, kPrefilled);
  const auto prompt = chat.prompt({{"user", "Hi"}});
  ASSERT_TRUE(prompt);
  TokenStream stream(chat.tokenizer());
  ThinkSplitter splitter(chat.opens_think(*prompt));
  std::string thought, answer;
  const auto add = [&](const std::vector<ThinkPiece>& pieces) {
    for (const ThinkPiece& piece : pieces) (piece.is_reasoning ? thought : answer) += piece.text;
  };
  for (const int32_t id : chat.raw("why 日\n</think>\n\nso")) add(splitter.feed(stream.push(id)));
  add(splitter.feed(stream.finish()));
  add(splitter.finish());
  EXPECT_EQ(thought, "why 日\n");
  EXPECT_EQ(answer, "\n\nso");
}

}  // namespace
}  // namespace r1
