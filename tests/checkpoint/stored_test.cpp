#include "checkpoint/stored.h"

#include <cmath>
#include <limits>

#include "checkpoint/fixtures.h"

namespace r1 {
namespace {

template <class T>
StoredTensor stored(StoredDtype dtype, const std::vector<T>& values) {
  StoredTensor tensor;
  tensor.name = "w";
  tensor.dtype = dtype;
  tensor.shape = {static_cast<int64_t>(values.size())};
  tensor.bytes = std::as_bytes(std::span(values));
  return tensor;
}

TEST(Stored, DtypesHaveTheirNamesAndSizes) {
  EXPECT_STREQ(stored_dtype_name(StoredDtype::kF8E4M3), "F8_E4M3");
  EXPECT_EQ(stored_dtype_size(StoredDtype::kF8E8M0), 1);
  EXPECT_EQ(stored_dtype_size(StoredDtype::kI64), 8);
  EXPECT_EQ(parse_stored_dtype("BF16"), StoredDtype::kBF16);
  EXPECT_EQ(parse_stored_dtype("bf16"), std::nullopt);
}

TEST(Stored, WidensHalvesExactly) {
  OwnedTensor out(Dtype::kF32, {3});
  const std::vector<uint16_t> bf16 = {0x3F80, 0xC000, 0x0001};
  ASSERT_TRUE(ok(read_into(stored(StoredDtype::kBF16, bf16), out.tensor)));
  EXPECT_EQ(out.tensor.f32()[0], 1.0f);
  EXPECT_EQ(out.tensor.f32()[1], -2.0f);
  EXPECT_EQ(out.tensor.f32()[2], 0x1p-133f);
  const std::vector<uint16_t> f16 = {0x3C00, 0xC000, 0x0001};
  ASSERT_TRUE(ok(read_into(stored(StoredDtype::kF16, f16), out.tensor)));
  EXPECT_EQ(out.tensor.f32()[1], -2.0f);
  EXPECT_EQ(out.tensor.f32()[2], 0x1p-24f);
}

TEST(Stored, NarrowsToNearestEven) {
  OwnedTensor out(Dtype::kBF16, {4});
  const std::vector<float> f32 = {1.0f + 0x1p-8f, 1.0f + 0x3p-8f, 1.0f + 0x1.1p-8f, -3.5f};
  ASSERT_TRUE(ok(read_into(stored(StoredDtype::kF32, f32), out.tensor)));
  EXPECT_EQ(out.tensor.u16()[0], 0x3F80);  // a tie goes to the even neighbour below
  EXPECT_EQ(out.tensor.u16()[1], 0x3F82);  // and here above
  EXPECT_EQ(out.tensor.u16()[2], 0x3F81);
  EXPECT_EQ(bf16_to_f32(out.tensor.u16()[3]), -3.5f);
}

TEST(Stored, NarrowsDoublesInOneRounding) {
  // Rounded to float first, the last bit of the first value is lost and the tie would go down.
  const double max = std::numeric_limits<double>::max();
  const std::vector<double> f64 = {1.0 + 0x1p-8 + 0x1p-40,
                                   1.0 + 0x3p-8 - 0x1p-40,
                                   -1.0 - 0x1p-8 - 0x1p-40,
                                   max,
                                   0.5,
                                   std::nan("")};
  OwnedTensor out(Dtype::kBF16, {6});
  ASSERT_TRUE(ok(read_into(stored(StoredDtype::kF64, f64), out.tensor)));
  EXPECT_EQ(out.tensor.u16()[0], 0x3F81);
  EXPECT_EQ(out.tensor.u16()[1], 0x3F81);
  EXPECT_EQ(out.tensor.u16()[2], 0xBF81);
  EXPECT_EQ(out.tensor.u16()[3], 0x7F80);  // infinity
  EXPECT_EQ(out.tensor.u16()[4], 0x3F00);
  EXPECT_TRUE(std::isnan(bf16_to_f32(out.tensor.u16()[5])));
  OwnedTensor wide(Dtype::kF32, {6});
  ASSERT_TRUE(ok(read_into(stored(StoredDtype::kF64, f64), wide.tensor)));
  EXPECT_EQ(wide.tensor.f32()[0], 1.0f + 0x1p-8f);
}

TEST(Stored, ReadsBytesAtAnyAddress) {
  std::vector<char> memory(1 + sizeof(float));
  const float value = 1.5f;
  std::memcpy(memory.data() + 1, &value, sizeof value);
  StoredTensor tensor{"w", StoredDtype::kF32, {1}, std::as_bytes(std::span(memory)).subspan(1)};
  OwnedTensor out(Dtype::kBF16, {1});
  ASSERT_TRUE(ok(read_into(tensor, out.tensor)));
  EXPECT_EQ(bf16_to_f32(out.tensor.u16()[0]), 1.5f);
}

TEST(Stored, ScalarFillsAVectorOfOne) {
  const std::vector<float> values = {2.5f};
  StoredTensor scalar = stored(StoredDtype::kF32, values);
  scalar.shape = {};
  OwnedTensor out(Dtype::kF32, {1});
  ASSERT_TRUE(ok(read_into(scalar, out.tensor)));
  EXPECT_EQ(out.tensor.f32()[0], 2.5f);
}

TEST(Stored, WrongShapeIsRefusedAndLeavesTheMemoryAlone) {
  const std::vector<float> values = {1, 2, 3};
  OwnedTensor out(Dtype::kF32, {4}, 7);
  expect_error(read_into(stored(StoredDtype::kF32, values), out.tensor), {"'w'", "(3)", "(4)"});
  EXPECT_EQ(out.tensor.f32()[0], 7.0f);
  OwnedTensor row(Dtype::kF32, {1, 3});
  expect_error(read_into(stored(StoredDtype::kF32, values), row.tensor), {"(3)", "(1, 3)"});
}

TEST(Stored, TypesWithoutAConversionAreRefused) {
  OwnedTensor f32(Dtype::kF32, {3}), f16(Dtype::kF16, {3}), i32(Dtype::kI32, {3});
  const std::vector<uint8_t> e8m0 = {1, 2, 3};
  expect_error(read_into(stored(StoredDtype::kF8E8M0, e8m0), f32.tensor), {"F8_E8M0", "f32"});
  const std::vector<float> values = {1, 2, 3};
  ASSERT_TRUE(ok(read_into(stored(StoredDtype::kF32, values), f16.tensor)));
  EXPECT_EQ(f16.tensor.u16()[1], 0x4000);
  expect_error(read_into(stored(StoredDtype::kF32, values), i32.tensor), {"F32", "i32"});
  const std::vector<int32_t> ids = {5, 6, 7};
  ASSERT_TRUE(ok(read_into(stored(StoredDtype::kI32, ids), i32.tensor)));
  EXPECT_EQ(i32.tensor.i32()[2], 7);
}

}  // namespace
}  // namespace r1
