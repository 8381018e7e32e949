#include "train/cost_meter.h"

#include <nlohmann/json.hpp>

namespace r1 {

using Json = nlohmann::ordered_json;

Result<void> PriceConfig::validate() const {
  for (const auto& [name, value] :
       {std::pair("price_input", price_input), std::pair("price_output", price_output),
        std::pair("max_cost", max_cost), std::pair("requests_per_minute", requests_per_minute)}) {
    if (!(value >= 0)) return fail("{} is {}; it must not be negative", name, value);
  }
  if (max_cost > 0 && price_input == 0 && price_output == 0)
    return fail("max_cost is {}, but no price is set: --price_input, --price_output", max_cost);
  return {};
}

Result<CostMeter> CostMeter::open(const Path& file, const PriceConfig& prices, bool fresh) {
  R1_RETURN_IF_ERROR(prices.validate());
  CostMeter meter;
  meter.file_ = file;
  meter.prices_ = prices;
  std::error_code ignored;
  if (fresh || !std::filesystem::exists(file, ignored)) return meter;
  R1_TRY(const std::string text, read_text(file));
  const Json json = Json::parse(text, nullptr, false);
  const auto count = [&](const char* name) -> int64_t {
    if (!json.is_object()) return -1;
    const auto at = json.find(name);
    return at != json.end() && at->is_number_unsigned() ? at->get<int64_t>() : -1;
  };
  meter.before_ = {count("requests"), count("failed"), count("prompt_tokens"),
                   count("completion_tokens")};
  const ChatUsage& b = meter.before_;
  if (b.requests < 0 || b.failed < 0 || b.prompt_tokens < 0 || b.output_tokens < 0)
    return fail("{}: not a cost meter's file; delete it to count from zero", file.string());
  return meter;
}

ChatUsage CostMeter::total() const {
  return {before_.requests + now_.requests, before_.failed + now_.failed,
          before_.prompt_tokens + now_.prompt_tokens, before_.output_tokens + now_.output_tokens};
}

double CostMeter::cost() const {
  const ChatUsage t = total();
  return (static_cast<double>(t.prompt_tokens) * prices_.price_input +
          static_cast<double>(t.output_tokens) * prices_.price_output) /
         1e6;
}

Result<void> CostMeter::set(const ChatUsage& usage) {
  now_ = usage;
  const ChatUsage t = total();
  const Json json{{"requests", t.requests},
                  {"failed", t.failed},
                  {"prompt_tokens", t.prompt_tokens},
                  {"completion_tokens", t.output_tokens},
                  {"cost", cost()}};
  return write_text_atomic(file_, json.dump(2) + "\n");
}

Result<void> CostMeter::check() const {
  if (prices_.max_cost <= 0 || cost() < prices_.max_cost) return {};
  return fail(
      "cost {:.4f} has reached max_cost {}; what is sampled is kept: a higher --max_cost "
      "goes on",
      cost(), prices_.max_cost);
}

}  // namespace r1
