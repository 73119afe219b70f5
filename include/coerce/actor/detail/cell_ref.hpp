/// \file
/// The counted pointer inside every reference.

#pragma once

#include <utility>

#include <coerce/actor/detail/cell.hpp>

namespace coerce::detail {

/// A counted pointer to a cell.
class CellRef {
 public:
  CellRef() noexcept = default;
  explicit CellRef(Cell* adopted) noexcept : cell_(adopted) {}
  CellRef(const CellRef& other) noexcept : cell_(other.cell_) {
    if (cell_ != nullptr) cell_->retain();
  }
  CellRef(CellRef&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
  CellRef& operator=(CellRef other) noexcept {
    std::swap(cell_, other.cell_);
    return *this;
  }
  ~CellRef() {
    if (cell_ != nullptr) cell_->release();
  }
  static CellRef share(Cell& cell) noexcept {
    cell.retain();
    return CellRef(&cell);
  }

  Cell* get() const noexcept { return cell_; }
  Cell* operator->() const noexcept { return cell_; }
  Cell& operator*() const noexcept { return *cell_; }

 private:
  Cell* cell_ = nullptr;
};

}  // namespace coerce::detail
