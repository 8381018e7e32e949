#include "data/math_story.h"

#include <array>

#include "base/error.h"
#include "data/math_words.h"

namespace r1 {
namespace {

constexpr int64_t kMost = 100000;  // marbles

struct Cast {
  Person hero, other;
  Thing thing;
};

Cast draw_cast(const MathStories& words, Rng& rng) {
  const auto n = static_cast<int64_t>(words.people.size());
  const auto hero = rng.below(n);
  const auto other = (hero + 1 + rng.below(n - 1)) % n;
  const auto thing = rng.below(static_cast<int64_t>(words.things.size()));
  return {words.people[static_cast<size_t>(hero)], words.people[static_cast<size_t>(other)],
          words.things[static_cast<size_t>(thing)]};
}

struct Numbers {
  int64_t a = 0, b = 0, c = 0, d = 0, p = 0;
};

/// Tells events and notes the sentence of each step.
class Teller {
 public:
  Teller(std::string_view language, Rng& rng)
      : words(math_stories(language)),
        rng_(rng),
        is_french_(language == "fr"),
        cast_(draw_cast(words, rng)) {}

  const MathStories& words;

  void tell(const StoryWords& event, const Numbers& numbers) {
    if (!story_.question.empty() && story_.question.back() == '.') story_.question += ' ';
    add(event, numbers);
  }
  /// Goes on in the middle of a sentence.
  void add(const StoryWords& event, const Numbers& numbers) {
    story_.question += fill(draw_phrase(event.tell, rng_), numbers);
  }
  int number(int64_t value) { return story_.tree.number(value); }
  int step(char op, int left, int right, const StoryWords& event, const Numbers& numbers) {
    const int node = story_.tree.apply(op, left, right);
    CHECK(node >= 0, "a step of a story has no value");
    story_.work.resize(static_cast<size_t>(node) + 1);
    story_.work.back() = fill(draw_phrase(event.work, rng_), numbers);
    return node;
  }
  int64_t value(int node) const {
    return story_.tree.nodes[static_cast<size_t>(node)].value.to_int64().value();
  }
  MathStory take() { return std::move(story_); }

 private:
  std::string fill(std::string_view phrase, const Numbers& n) const {
    return fill_phrase(phrase, {{'n', std::string(cast_.hero.name)},
                                {'o', std::string(cast_.other.name)},
                                {'h', std::string(cast_.hero.pronoun)},
                                {'t', std::string(cast_.thing.many)},
                                {'f', std::string(cast_.thing.of)},
                                {'a', std::to_string(n.a)},
                                {'b', std::to_string(n.b)},
                                {'c', share_or_number(phrase, n.c)},
                                {'d', std::to_string(n.d)},
                                {'p', std::to_string(n.p)},
                                {'l', "{l}"}});
  }
  /// "one third of them": the only places where a number is a word.
  std::string share_or_number(std::string_view phrase, int64_t n) const {
    static constexpr std::array<const char*, 3> kEnglish = {"third", "quarter", "fifth"};
    static constexpr std::array<const char*, 3> kFrench = {"tiers", "quart", "cinquième"};
    for (const char* before : {"one {c}", "One {c}", "un {c}", "Un {c}"}) {
      if (phrase.find(before) != phrase.npos && n >= 3 && n <= 5)
        return (is_french_ ? kFrench : kEnglish)[static_cast<size_t>(n - 3)];
    }
    return std::to_string(n);
  }

  Rng& rng_;
  bool is_french_;
  Cast cast_;
  MathStory story_;
};

/// One event of a collection; which ones may happen depends on the level and the number so far.
int tell_event(Teller& teller, int now, int level, Rng& rng) {
  const MathStories& words = teller.words;
  const int64_t value = teller.value(now), largest = 8 + 8 * level;
  const int64_t kind = rng.below(level >= 3 ? 6 : level == 2 ? 4 : 2);
  const int64_t share = rng.between(3, 5), few = rng.between(2, 5);
  const Numbers numbers{0, rng.between(2, largest), 0, 0, 0};
  if (kind == 5 && value % share == 0 && value >= 2 * share) {
    const Numbers n{0, 0, share, 0, 0};
    teller.tell(words.give_share, n);
    const int part = teller.step('/', now, teller.number(share), words.give_share, n);
    return teller.step('-', now, part, words.loss, {0, teller.value(part), 0, 0, 0});
  }
  if (kind == 4 && value * few < kMost) {
    const Numbers n{0, few, 0, 0, 0};
    teller.tell(words.multiply, n);
    return teller.step('*', now, teller.number(few), words.multiply, n);
  }
  if (kind == 2 || kind == 3) {
    const Numbers n{0, few, rng.between(3, 12), 0, 0};
    teller.tell(words.boxes, n);
    const int left = teller.number(n.b), each = teller.number(n.c);
    const int filled = teller.step('*', left, each, words.boxes, n);
    return teller.step('+', now, filled, words.gain, {0, teller.value(filled), 0, 0, 0});
  }
  const bool loses = kind == 1 && value > numbers.b + 1;
  const StoryWords& event = loses ? words.loss : words.gain;
  teller.tell(event, numbers);
  return teller.step(loses ? '-' : '+', now, teller.number(numbers.b), event, numbers);
}

MathStory tell_collection(int level, std::string_view language, Rng& rng) {
  Teller teller(language, rng);
  const MathStories& words = teller.words;
  const Numbers start{rng.between(6, 20 + 15 * level), 0, 0, 0, 0};
  teller.tell(words.start, start);
  int now = teller.number(start.a);
  for (int i = 0; i < level; ++i) now = tell_event(teller, now, level, rng);
  const Numbers end{0, rng.between(2, 6), 0, 0, 0};
  const double ending = rng.uniform();
  if (level >= 3 && ending < 0.4 && teller.value(now) % end.b == 0) {
    teller.tell(words.share, end);
    teller.step('/', now, teller.number(end.b), words.share, end);
  } else if (level >= 4 && ending < 0.7) {
    teller.tell(words.together, end);
    const int other = teller.step('*', now, teller.number(end.b), words.together, end);
    teller.step('+', now, other, words.sum, end);
  } else {
    teller.tell(words.has, end);
  }
  return teller.take();
}

MathStory tell_shop(int level, std::string_view language, Rng& rng) {
  Teller teller(language, rng);
  const MathStories& words = teller.words;
  Numbers n{rng.between(2, 9), rng.between(2, 6), rng.between(2, 5 + level), rng.between(2, 9), 0};
  const int64_t cost = n.a * n.c + n.b * n.d;
  n.p = (cost / 10 + 1) * 10;
  const bool asks_change = level >= 4;
  teller.tell(words.shop, n);
  teller.add(asks_change ? words.shop_first : words.shop_second, n);
  const int a = teller.number(n.c), b = teller.number(n.a);
  const int first = teller.step('*', a, b, words.shop_first, n);
  const int c = teller.number(n.d), d = teller.number(n.b);
  const int second = teller.step('*', c, d, words.shop_second, n);
  const StoryWords total{{}, words.shop_change.tell}, change{{}, words.shop_change.work};
  const int all = teller.step('+', first, second, total, n);
  if (asks_change) teller.step('-', teller.number(n.p), all, change, n);
  return teller.take();
}

MathStory tell_trip(int level, std::string_view language, Rng& rng) {
  Teller teller(language, rng);
  const MathStories& words = teller.words;
  Numbers n{rng.between(4, 12) * 10, rng.between(4, 12) * 10, rng.between(2, 6), rng.between(2, 6),
            0};
  n.p = n.a * n.c + n.b * n.d + rng.between(2, 30) * 10;
  teller.tell(words.trip, n);
  teller.add(words.trip_second, n);
  teller.add(level >= 4 ? words.trip_left : words.trip_total, n);
  const int a = teller.number(n.a), b = teller.number(n.c);
  const int first = teller.step('*', a, b, words.trip, n);
  const int c = teller.number(n.b), d = teller.number(n.d);
  const int second = teller.step('*', c, d, words.trip_second, n);
  const int all = teller.step('+', first, second, words.trip_total, n);
  if (level >= 4) teller.step('-', teller.number(n.p), all, words.trip_left, n);
  return teller.take();
}

}  // namespace

MathStory draw_story(int level, std::string_view language, Rng& rng) {
  const double kind = rng.uniform();
  if (level >= 3 && kind < 0.25) return tell_shop(level, language, rng);
  if (level >= 3 && kind < 0.5) return tell_trip(level, language, rng);
  return tell_collection(level, language, rng);
}

}  // namespace r1
