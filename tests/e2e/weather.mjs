/** The tool of the tests that call one. */
export const WEATHER = {
  name: "get_weather",
  description: "The weather in a city",
  schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false },
};

export function weather(city) {
  return `${{ Paris: "sunny", Rome: "rainy" }[city]} in ${city}`;
}
