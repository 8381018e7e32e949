// What asking a server has cost so far, over all sittings of a run.
#pragma once

#include <string>

#include "base/chat_client.h"
#include "base/file.h"

namespace r1 {

/// Prices are in the currency of the server's price list.
struct PriceConfig {
  double price_input = 0, price_output = 0;
  double max_cost = 0;
  double requests_per_minute = 0;

  void visit(auto&& f) {
    f("price_input", price_input, "url: price of a million prompt tokens, for the cost meter");
    f("price_output", price_output, "url: price of a million completion tokens");
    f("max_cost", max_cost, "url: stop before the meter exceeds this; 0: no limit");
    f("requests_per_minute", requests_per_minute, "url: no more requests than these; 0: no limit");
  }
  Result<void> validate() const;
};

/// A small JSON file beside the output, rewritten after each add. One thread drives it.
class CostMeter {
 public:
  /// Goes on from what the file holds; fresh: forgets that.
  static Result<CostMeter> open(const Path& file, const PriceConfig& prices, bool fresh);

  /// What a client has used since it was opened.
  Result<void> set(const ChatUsage& usage);
  /// An error when the money is spent: what is sampled so far stays, and a higher max_cost goes on.
  Result<void> check() const;

  ChatUsage total() const;
  double cost() const;

 private:
  Path file_;
  PriceConfig prices_;
  ChatUsage before_, now_;
};

}  // namespace r1
