// The locations in a PIDF-LO (RFC 4119, RFC 5491, RFC 5139): civic addresses and points, as far as areas are told apart
// by them. Written by strangers: what declares a document type, is deep, long or of many elements is not read. Asks
// nobody, and keeps nothing of what it does not need.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "control/base/result.h"
#include "control/config/emergency_area.h"

namespace sallyport::policy {

namespace limits {
inline constexpr std::size_t location_bytes = 32'768;  // of one document; a polygon of 100 points takes 4,000
inline constexpr std::size_t location_depth = 32;      // of elements; RFC 5491's own have 12
inline constexpr std::size_t location_elements = 1'024;
inline constexpr std::size_t locations = 8;        // of one call; the first ones count, each is looked for in all areas
inline constexpr std::size_t location_text = 256;  // bytes of an address's element
inline constexpr std::size_t location_points = 512;  // of a polygon
}  // namespace limits

// What areas go by. Of a shape (RFC 5491 5.2) that is its centre: of a circle, ellipse, sphere or ellipsoid the one it
// states, of a polygon or prism the centroid of its ground. An arc band has none that is in it, and is passed over.
using Place = std::variant<config::CivicArea, config::Position>;

enum class LocationErrc : std::uint8_t {
    too_large,
    not_xml,
    document_type,  // that could define entities
    too_deep,
    too_many_elements,
    not_pidf,
    no_location,
    unusable_location,  // of an unknown reference system, with numbers that are none, or too few of them
};
std::string_view to_string(LocationErrc e);

// In the order of the document; at least one. `salt`: random, so that nobody can choose names that hash alike.
Result<std::vector<Place>, LocationErrc> read_pidf_lo(std::string_view document, std::uint32_t salt);

}  // namespace sallyport::policy
