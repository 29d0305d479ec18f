/* Footfall: asks whether visits may be counted. */
(() => {
  'use strict';
  const POLICY = { revision: 1, material: 1 };
  void POLICY;
})();
