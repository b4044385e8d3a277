// The colours of a flame graph's boxes: by the origin of the code, or by the change.

// Okabe and Ito's colours, which most colour-blind people can tell apart: the user's own code, dependencies, std.
const HUES = {
  own: { light: [36, 92, 66], dark: [32, 78, 27] },
  dependency: { light: [204, 62, 74], dark: [204, 52, 32] },
  std: { light: [210, 10, 80], dark: [210, 8, 34] },
  root: { light: [210, 8, 88], dark: [210, 6, 26] },
};

function hashOf(text) {
  let hash = 2166136261;
  for (let at = 0; at < text.length && at < 200; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 16777619);
  return (hash >>> 0) / 4294967296;
}

// A frame of the user's code, of a dependency, of std; frames of one module look alike. `pale`: it may be chance.
function sourceColor(source, dark, pale) {
  const [hue, saturation, light] = HUES[source.origin || 'root'][dark ? 'dark' : 'light'];
  const vary = hashOf(source.name.replace(/:\d+$/, '')) - 0.5;
  const family = source.origin === 'std' ? 0 : hashOf(source.name.split('::')[0]) - 0.5;
  const shown = saturation + vary * 10;
  return hsl(hue + family * 18, pale ? shown * 0.3 : shown, (pale ? (dark ? 22 : 90) : light) + vary * (dark ? 6 : 10));
}

// Red grows, blue shrinks; `change` from -1 to 1.
function changeColor(change, dark, pale) {
  const part = Math.round(Math.abs(change) * 20) / 20;
  if (part === 0) return dark ? hsl(210, 6, 30) : hsl(210, 8, 86);
  const [hue, saturation] = change > 0 ? [14, 85] : [205, 80];
  if (pale) return dark ? hsl(hue, 20, 24) : hsl(hue, 45, 92);
  return dark ? hsl(hue, saturation * part, 26 + 6 * part) : hsl(hue, saturation * (0.4 + 0.6 * part), 88 - 20 * part);
}

function hsl(hue, saturation, light) {
  return `hsl(${hue.toFixed(0)} ${saturation.toFixed(0)}% ${light.toFixed(0)}%)`;
}
