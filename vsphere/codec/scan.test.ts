import { SaxesParser } from 'saxes';
import { describe, expect, test } from 'vitest';
import { scanXml } from './scan.ts';

type Seen = (string | readonly [string, object])[];

/** Tags and text, pieces of text put together. */
function collector() {
  const seen: Seen = [];
  return {
    seen,
    open: (name: string, attributes: object) => void seen.push([name, { ...attributes }]),
    text: (text: string) => {
      const last = seen.at(-1);
      if (typeof last === 'string' && last.startsWith('"')) seen[seen.length - 1] = last + text;
      else if (text !== '') seen.push(`"${text}`);
    },
    close: () => void seen.push('/'),
  };
}

function scan(xml: string): Seen {
  const to = collector();
  scanXml(xml, to);
  return to.seen;
}

function bySaxes(xml: string): Seen {
  const to = collector();
  const parser = new SaxesParser();
  let depth = 0;
  parser.on('opentag', ({ name, attributes }) => {
    depth += 1;
    to.open(name, attributes);
  });
  const text = (each: string) => void (depth > 0 && to.text(each));
  parser.on('text', text);
  parser.on('cdata', text);
  parser.on('closetag', () => {
    depth -= 1;
    to.close();
  });
  parser.write(xml).close();
  return to.seen;
}

describe('a scan sees what saxes sees', () => {
  test.each([
    '<a/>',
    '<a ></a >',
    '<?xml version="1.0" encoding="UTF-8"?>\n<a><b>1</b>\n  <b/>tail</a>\n',
    '\uFEFF<a>x</a>',
    `<s:a xmlns:s="urn:x" b = 'it"s > so' c="&lt;&#38;&quot;"><s:b/></s:a>`,
    '<a>&lt;b&gt; &amp; &#34;c&#34; &#x20AC;&#128512;&apos;</a>',
    '<a>one<!-- a <comment> & such -->two<?pi <x> ?>three</a>',
    '<a><![CDATA[<b> & ]] > ]]>x<![CDATA[]]></a>',
    '<a>line\r\nfeed\rs</a>',
    '<!-- before --><a/><!-- after -->',
    '<a><b/><b c="1"/><b>x</b></a>',
    '<Ünïcode-élement.1 _b:c="ö">ß</Ünïcode-élement.1>',
  ])('%s', (xml) => {
    expect(scan(xml)).toEqual(bySaxes(xml));
  });
});

describe('what saxes refuses a scan refuses', () => {
  const cases = [
    '',
    '  \n',
    'text',
    '<a>',
    '<a><b></a></b>',
    '<a></b>',
    '</a>',
    '<a/><b/>',
    '<a/>tail',
    '<a>&nbsp;</a>',
    '<a>&amp</a>',
    '<a>& b</a>',
    '<a>&#x110000;</a>',
    '<a>1 < 2</a>',
    '<a b></a>',
    '<a b=1/>',
    '<a b="1/>',
    '<a b="<"/>',
    '<a / b="1">',
    '<a><![CDATA[x</a>',
    '<a><!-- x</a>',
    '<a',
    '<a b="1"',
    '<![CDATA[x]]>',
    '<html><body><p>Sign in</body></html>',
  ];
  test.each(cases)('%s', (xml) => {
    expect(() => bySaxes(xml)).toThrow();
    expect(() => scan(xml)).toThrow(expect.objectContaining({ code: 'vcenter-garbled' }));
  });

  test('wherever a reply is cut off', () => {
    const xml = `<?xml version="1.0"?><e:E xmlns:e="urn:e"><b c='d'>x &amp; y<![CDATA[z]]></b><f/></e:E>`;
    for (let end = 0; end < xml.length; end += 1)
      expect(() => scan(xml.slice(0, end)), xml.slice(0, end)).toThrow(/well-formed/);
  });

  test('and a DOCTYPE, so that there are no entities of its own', () => {
    expect(() => scan('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')).toThrow(/declaration/);
  });
});
