import type { Plan } from './plan.ts';

/** Runs that once went wrong, each told by what must hold in it. */
export const seeds: { name: string; plan: Plan }[] = [
  {
    name: 'nobody is led past rows that were skipped in a large transaction',
    plan: {
      seed: 72,
      nodes: 2,
      tabs: 3,
      isMixed: false,
      steps: [
        { at: 2613, name: 'largeWrite', picks: [0.02, 0.556, 0.773, 0.622, 0.682] },
        { at: 2707, name: 'watch', picks: [0.445, 0.802, 0.174, 0.798, 0.133] },
      ],
    },
  },
  {
    name: 'rows of a restored database take the place of newer ones from before',
    plan: {
      seed: 12,
      nodes: 1,
      tabs: 1,
      isMixed: false,
      steps: [
        { at: 1210, name: 'change', picks: [0.564, 0.648, 0.64, 0.677, 0.888] },
        { at: 1397, name: 'restoreDatabase', picks: [0.323, 0.181, 0.344, 0.508, 0.776] },
      ],
    },
  },
  {
    name: 'an answered change does not wait for a position of another life',
    plan: {
      seed: 28,
      nodes: 1,
      tabs: 1,
      isMixed: false,
      steps: [
        { at: 2041, name: 'stall', picks: [0.662, 0.751, 0.445, 0.9, 0.976] },
        { at: 2179, name: 'write', picks: [0.495, 0.805, 0.894, 0.131, 0.307] },
        { at: 2213, name: 'change', picks: [0.415, 0.805, 0.385, 0.187, 0.128] },
        { at: 2538, name: 'restoreDatabase', picks: [0.957, 0.302, 0.91, 0.034, 0.069] },
      ],
    },
  },
  {
    name: 'a page gets the columns that another server left out',
    plan: {
      seed: 9,
      nodes: 1,
      tabs: 5,
      isMixed: true,
      steps: [
        { at: 1561, name: 'killNode', picks: [0.581, 0.598, 0.106, 0.893, 0.163] },
        { at: 1674, name: 'change', picks: [0.575, 0.644, 0.836, 0.955, 0.183] },
        { at: 1714, name: 'change', picks: [0.565, 0.75, 0.437, 0.654, 0.107] },
        { at: 1716, name: 'change', picks: [0.803, 0.622, 0.325, 0.319, 0.846] },
        { at: 2216, name: 'change', picks: [0.399, 0.726, 0.021, 0.652, 0.11] },
        { at: 2222, name: 'change', picks: [0.796, 0.565, 0.928, 0.849, 0.105] },
      ],
    },
  },
  {
    name: 'rows that came after a lost frame are asked for again',
    plan: {
      seed: 705,
      nodes: 2,
      tabs: 5,
      isMixed: false,
      steps: [
        { at: 582, name: 'change', picks: [0.696, 0.051, 0.941, 0.225, 0.155] },
        { at: 738, name: 'handOver', picks: [0.18, 0.458, 0.406, 0.215, 0.416] },
        { at: 798, name: 'write', picks: [0.624, 0.594, 0.432, 0.786, 0.529] },
        { at: 1421, name: 'change', picks: [0.953, 0.172, 0.185, 0.937, 0.841] },
        { at: 2074, name: 'change', picks: [0.184, 0.164, 0.975, 0.755, 0.13] },
        { at: 2194, name: 'change', picks: [0.968, 0.982, 0.078, 0.241, 0.749] },
        { at: 2221, name: 'write', picks: [0.421, 0.803, 0.426, 0.922, 0.967] },
        { at: 2239, name: 'change', picks: [0.577, 0.214, 0.628, 0.45, 0.907] },
        { at: 2328, name: 'write', picks: [0.125, 0.808, 0.586, 0.667, 0.69] },
        { at: 2443, name: 'change', picks: [0.213, 0.498, 0.276, 0.712, 0.132] },
        { at: 2573, name: 'badFrames', picks: [0.593, 0.742, 0.368, 0.243, 0.124] },
        { at: 2574, name: 'change', picks: [0.572, 0.391, 0.498, 0.587, 0.17] },
        { at: 2775, name: 'change', picks: [0.849, 0.914, 0.007, 0.905, 0.99] },
        { at: 3080, name: 'change', picks: [0.815, 0.869, 0.315, 0.253, 0.324] },
        { at: 3182, name: 'watch', picks: [0.937, 0.017, 0.95, 0.744, 0.813] },
        { at: 3309, name: 'handOver', picks: [0.266, 0.528, 0.997, 0.251, 0.172] },
        { at: 3540, name: 'change', picks: [0.38, 0.49, 0.878, 0.526, 0.828] },
        { at: 3647, name: 'write', picks: [0.461, 0.709, 0.568, 0.846, 0.49] },
        { at: 3708, name: 'change', picks: [0.319, 0.604, 0.175, 0.398, 0.318] },
        { at: 4517, name: 'change', picks: [0.485, 0.243, 0.793, 0.843, 0.435] },
        { at: 4835, name: 'change', picks: [0.237, 0.513, 0.076, 0.648, 0.201] },
        { at: 5352, name: 'change', picks: [0.552, 0.148, 0.827, 0.504, 0.141] },
        { at: 5547, name: 'change', picks: [0.754, 0.314, 0.748, 0.913, 0.545] },
        { at: 5658, name: 'change', picks: [0.486, 0.802, 0.505, 0.495, 0.957] },
        { at: 5702, name: 'change', picks: [0.728, 0.856, 0.347, 0.82, 0.935] },
        { at: 6001, name: 'write', picks: [0.824, 0.844, 0.601, 0.639, 0.434] },
        { at: 6139, name: 'change', picks: [0.072, 0.487, 0.836, 0.669, 0.663] },
        { at: 6159, name: 'watch', picks: [0.013, 0.392, 0.877, 0.055, 0.453] },
        { at: 7070, name: 'change', picks: [0.872, 0.679, 0.958, 0.756, 0.203] },
      ],
    },
  },
  {
    name: 'what has no owner is live at every level',
    plan: {
      seed: 64,
      nodes: 1,
      tabs: 4,
      isMixed: false,
      steps: [
        { at: 1220, name: 'roleLevel', picks: [0.307, 0.112, 0.764, 0.661, 0.136] },
        { at: 1698, name: 'roleLevel', picks: [0.336, 0.65, 0.647, 0.01, 0.453] },
      ],
    },
  },
  {
    name: 'an answered change goes when its rows may not be seen any more',
    plan: {
      seed: 17,
      nodes: 1,
      tabs: 4,
      isMixed: false,
      steps: [
        { at: 25, name: 'change', picks: [0.427, 0.157, 0.475, 0.538, 0.969] },
        { at: 267, name: 'killNode', picks: [0.318, 0.546, 0.419, 0.464, 0.735] },
        { at: 282, name: 'change', picks: [0.049, 0.697, 0.75, 0.702, 0.455] },
        { at: 290, name: 'change', picks: [0.476, 0.314, 0.457, 0.447, 0.598] },
        { at: 932, name: 'change', picks: [0.95, 0.356, 0.8, 0.603, 0.439] },
        { at: 955, name: 'change', picks: [0.817, 0.993, 0.676, 0.117, 0.245] },
        { at: 2085, name: 'change', picks: [0.655, 0.505, 0.258, 0.834, 0.532] },
        { at: 2231, name: 'killNode', picks: [0.647, 0.869, 0.484, 0.498, 0.165] },
        { at: 2797, name: 'roleChanges', picks: [0.558, 0.638, 0.678, 0.984, 0.267] },
      ],
    },
  },
  {
    name: 'what is written right after a crash of the database is found',
    plan: {
      seed: 20879,
      nodes: 1,
      tabs: 4,
      isMixed: false,
      steps: [
        { at: 1202, name: 'roleChanges', picks: [0.786, 0.956, 0.507, 0.108, 0.923] },
        { at: 3698, name: 'change', picks: [0.605, 0.271, 0.842, 0.339, 0.241] },
        { at: 3813, name: 'slowWrite', picks: [0.103, 0.297, 0.393, 0.236, 0.192] },
        { at: 4182, name: 'crashDatabase', picks: [0.754, 0.568, 0.151, 0.365, 0.74] },
        { at: 4851, name: 'roleLevel', picks: [0.438, 0.881, 0.725, 0.477, 0.836] },
      ],
    },
  },
  {
    name: 'a change answered in a new life of the database stays until its rows have come',
    plan: {
      seed: 20461,
      nodes: 1,
      tabs: 4,
      isMixed: false,
      steps: [
        { at: 32, name: 'closeTab', picks: [0.566, 0.81, 0.032, 0.556, 0.448] },
        { at: 341, name: 'change', picks: [0.438, 0.834, 0.345, 0.937, 0.547] },
        { at: 511, name: 'change', picks: [0.855, 0.226, 0.852, 0.805, 0.098] },
        { at: 946, name: 'killNode', picks: [0.579, 0.899, 0.139, 0.95, 0.131] },
        { at: 1141, name: 'change', picks: [0.216, 0.632, 0.536, 0.195, 0.088] },
        { at: 1370, name: 'memberOff', picks: [0.103, 0.85, 0.926, 0.753, 0.186] },
        { at: 1581, name: 'restoreDatabase', picks: [0.127, 0.299, 0.944, 0.756, 0.493] },
        { at: 1796, name: 'change', picks: [0.014, 0.497, 0.339, 0.974, 0.913] },
      ],
    },
  },
  {
    name: 'a change answered before the first rows have come stays until they have',
    plan: {
      seed: 138,
      nodes: 1,
      tabs: 3,
      isMixed: false,
      steps: [{ at: 52, name: 'burst', picks: [0.467, 0.161, 0.653, 0.268, 0.652] }],
    },
  },
];

/**
 * Seeds that fail for a reason that is known and not mended yet. They are left out of ranges, and a test
 * holds that they still fail: whoever mends the reason takes them out of here.
 */
export const open: { seed: number; why: string }[] = [
  {
    seed: 748,
    why: 'an answer does not name the life of the database that it comes from: after a restore it may overtake the welcome and be taken for one of the life before',
  },
];
