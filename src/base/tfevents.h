// TensorBoard's event files, encoded by hand: a TFRecord frame around a protobuf Event.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace r1 {

/// CRC-32C (Castagnoli), as TFRecord uses it.                                [RFC 3720, B.4]
uint32_t crc32c(std::string_view bytes);

/// The first event of a file.
std::string version_event(double wall_time);

/// Tells TensorBoard to forget what an interrupted run wrote for this step and later ones.
std::string start_event(double wall_time, int64_t step);

/// The values of one step; wall_time in seconds since 1970.
std::string scalars_event(double wall_time, int64_t step,
                          const std::vector<std::pair<std::string, double>>& values);

}  // namespace r1
