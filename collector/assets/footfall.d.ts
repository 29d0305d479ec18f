/** What `tag.js` and `consent.js` add to a page. */

/** What a visitor decided. */
interface FootfallChoice {
  /** Visits may be counted. */
  readonly statistics: boolean;
  /** Campaigns and the sites visited next may be counted too; never without `statistics`. */
  readonly marketing: boolean;
  /** The revision of the privacy policy under which it was decided. */
  readonly revision: number;
}

/** The detail of `footfall:consent`. */
interface FootfallConsentDetail extends FootfallChoice {
  /** True when the page waited for an answer on a site that counts nobody before: what was sent earlier was turned away. */
  readonly heldBack: boolean;
}

interface Footfall {
  /**
   * Tells an event (`tag.js`). The name: a letter, then up to 39 letters, digits, spaces and `_ . : -`. The value: in units
   * of the site's currency, within ±1000000000.
   */
  (name: string, value?: number): void;
  /** Calls that wait for the tag, where the page's own snippet came first. */
  q?: ArrayLike<unknown>[];
  /** The choice that stands, or null: nothing chosen, run out, or accepted before the policy's last material revision. */
  consent(): FootfallChoice | null;
  /** Makes a choice. Resolves with what stands when the collector has answered; the same choice again sends nothing. */
  consent(choice: { statistics: boolean; marketing?: boolean }): Promise<FootfallChoice | null>;
  /** Opens the banner. */
  consent(show: 'show'): Promise<void>;
}

/** Missing until a script has run, or where a blocker holds it back: ask `window.footfall?.` where that may be. */
declare var footfall: Footfall;

interface Window {
  /** The same. */
  footfall?: Footfall;
}

interface DocumentEventMap {
  /** Once when the page is loaded, and with each change, in this tab or another. */
  'footfall:consent': CustomEvent<FootfallConsentDetail | null>;
}
