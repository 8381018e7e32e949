// The numbers that GGUF files use: tensor types and the layout's constants.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "checkpoint/stored.h"

namespace r1::gguf {

inline constexpr uint32_t kMagic = 0x46554747;  // "GGUF", little endian
inline constexpr int64_t kAlignment = 32;       // of the data, unless general.alignment says other
inline constexpr int kMaxDimensions = 4;

struct TypeRow {
  uint32_t id;
  StoredDtype dtype;
};

inline constexpr std::array kTypes = {
    TypeRow{0, StoredDtype::kF32},   TypeRow{1, StoredDtype::kF16},
    TypeRow{2, StoredDtype::kQ4_0},  TypeRow{8, StoredDtype::kQ8_0},
    TypeRow{12, StoredDtype::kQ4_K}, TypeRow{13, StoredDtype::kQ5_K},
    TypeRow{14, StoredDtype::kQ6_K}, TypeRow{24, StoredDtype::kI8},
    TypeRow{25, StoredDtype::kI16},  TypeRow{26, StoredDtype::kI32},
    TypeRow{27, StoredDtype::kI64},  TypeRow{28, StoredDtype::kF64},
    TypeRow{30, StoredDtype::kBF16}};

std::optional<StoredDtype> dtype_of(uint32_t id);
std::optional<uint32_t> id_of(StoredDtype dtype);
std::string type_name(uint32_t id);  // "Q2_K", or "number 99"

}  // namespace r1::gguf
