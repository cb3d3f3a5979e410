import { latestRevision, inWriteTransaction } from '../assets/changes.ts';
import { insertAssets, type NewAsset } from '../assets/store.ts';
import type { Price } from '../assets/asset.ts';
import type { Database } from './schema.ts';

/** Adds the sample assets to a register in which nothing has ever happened. */
export async function seed(database: Database, time: Date): Promise<void> {
  if ((await latestRevision(database)) > 0n) return;
  await inWriteTransaction(database, async (transaction) => {
    // Again under the writers' lock: another process may have been faster.
    if ((await latestRevision(transaction)) > 0n) return;
    await insertAssets(transaction, { assets: sampleAssets, time });
  });
}

const hanoi = 'Hà Nội, Tòa nhà Keangnam, tầng 12';
const haiphong = 'Hải Phòng, Cảng Đình Vũ';
const danang = 'Đà Nẵng, Văn phòng 2 Tháng 9';
const saigon = 'TP. Hồ Chí Minh, Bitexco, tầng 31';
const dataCentre = 'Hà Nội, Trung tâm dữ liệu Hòa Lạc, tủ B07';

function vnd(units: bigint): Price {
  return { currency: 'VND', units, nanos: 0 };
}

function usd(units: bigint, cents = 0): Price {
  return { currency: 'USD', units, nanos: cents * 10_000_000 };
}

type Sample = Partial<NewAsset['content']> & Pick<NewAsset['content'], 'displayName' | 'category' | 'location'>;

function sample(assetId: string, content: Sample): NewAsset {
  return {
    assetId,
    content: {
      status: 'IN_STOCK',
      serialNumber: '',
      assignee: '',
      price: null,
      purchaseTime: null,
      labels: {},
      ...content,
    },
  };
}

const sampleAssets: readonly NewAsset[] = [
  sample('crane-haiphong-01', {
    displayName: 'Rubber-tyred gantry crane 1',
    category: 'MACHINE',
    status: 'IN_USE',
    serialNumber: 'KC-RTG-20817',
    location: haiphong,
    price: vnd(38_500_000_000n),
    purchaseTime: new Date('2021-03-15T02:00:00Z'),
    labels: { site: 'haiphong', crew: 'yard-a' },
  }),
  sample('crane-haiphong-02', {
    displayName: 'Rubber-tyred gantry crane 2',
    category: 'MACHINE',
    status: 'IN_REPAIR',
    serialNumber: 'KC-RTG-20831',
    location: haiphong,
    price: vnd(38_500_000_000n),
    purchaseTime: new Date('2021-03-15T02:00:00Z'),
    labels: { site: 'haiphong', crew: 'yard-a' },
  }),
  sample('forklift-haiphong-07', {
    displayName: 'Electric forklift, 2.5 t',
    category: 'VEHICLE',
    status: 'IN_USE',
    serialNumber: 'FB25-114-07732',
    location: haiphong,
    price: vnd(742_000_000n),
    purchaseTime: new Date('2023-08-02T03:30:00Z'),
    labels: { site: 'haiphong', energy: 'electric' },
  }),
  sample('forklift-haiphong-08', {
    displayName: 'Electric forklift, 2.5 t',
    category: 'VEHICLE',
    serialNumber: 'FB25-114-07733',
    location: haiphong,
    price: vnd(742_000_000n),
    purchaseTime: new Date('2023-08-02T03:30:00Z'),
    labels: { site: 'haiphong', energy: 'electric' },
  }),
  sample('truck-haiphong-03', {
    displayName: 'Terminal tractor',
    category: 'VEHICLE',
    status: 'IN_USE',
    serialNumber: 'TT618-00352',
    location: haiphong,
    price: usd(118_400n),
    purchaseTime: new Date('2022-11-21T04:00:00Z'),
    labels: { site: 'haiphong', energy: 'diesel' },
  }),
  sample('van-danang-01', {
    displayName: 'Service van',
    category: 'VEHICLE',
    status: 'IN_USE',
    serialNumber: 'WF0XXXTTGX2R41188',
    location: danang,
    assignee: 'hoa.le@tcex.example',
    price: vnd(935_000_000n),
    purchaseTime: new Date('2024-05-06T02:15:00Z'),
    labels: { site: 'danang' },
  }),
  sample('laptop-0417', {
    displayName: 'Laptop 14", 32 GB',
    category: 'COMPUTER',
    status: 'IN_USE',
    serialNumber: 'PF4X7K2M',
    location: hanoi,
    assignee: 'minh.nguyen@tcex.example',
    price: usd(1_849n, 99),
    purchaseTime: new Date('2025-01-13T07:45:00Z'),
    labels: { team: 'platform' },
  }),
  sample('laptop-0418', {
    displayName: 'Laptop 14", 32 GB',
    category: 'COMPUTER',
    status: 'IN_USE',
    serialNumber: 'PF4X7K2N',
    location: hanoi,
    assignee: 'lan.tran@tcex.example',
    price: usd(1_849n, 99),
    purchaseTime: new Date('2025-01-13T07:45:00Z'),
    labels: { team: 'platform' },
  }),
  sample('laptop-0422', {
    displayName: 'Laptop 16", 64 GB',
    category: 'COMPUTER',
    status: 'IN_REPAIR',
    serialNumber: 'C02ZQ1ABMD6T',
    location: saigon,
    assignee: 'quan.pham@tcex.example',
    price: usd(3_499n),
    purchaseTime: new Date('2024-10-28T09:00:00Z'),
    labels: { team: 'data' },
  }),
  sample('laptop-0301', {
    displayName: 'Laptop 13", 8 GB',
    category: 'COMPUTER',
    status: 'RETIRED',
    serialNumber: 'PF1A90QX',
    location: hanoi,
    price: usd(1_129n, 50),
    purchaseTime: new Date('2018-06-11T03:00:00Z'),
  }),
  sample('workstation-0019', {
    displayName: 'CAD workstation',
    category: 'COMPUTER',
    status: 'IN_USE',
    serialNumber: 'CZC3218M0P',
    location: danang,
    assignee: 'duc.vo@tcex.example',
    price: vnd(96_500_000n),
    purchaseTime: new Date('2023-04-19T06:20:00Z'),
    labels: { team: 'engineering' },
  }),
  sample('monitor-0233', {
    displayName: 'Monitor 27", 4K',
    category: 'COMPUTER',
    serialNumber: 'CN-0M8J3K-74261',
    location: hanoi,
    price: usd(529n, 90),
    purchaseTime: new Date('2024-02-05T02:00:00Z'),
  }),
  sample('phone-1105', {
    displayName: 'Rugged phone',
    category: 'PHONE',
    status: 'IN_USE',
    serialNumber: '356938035643809',
    location: haiphong,
    assignee: 'son.bui@tcex.example',
    price: vnd(14_990_000n),
    purchaseTime: new Date('2025-03-03T08:10:00Z'),
    labels: { team: 'yard' },
  }),
  sample('phone-1106', {
    displayName: 'Rugged phone',
    category: 'PHONE',
    status: 'LOST',
    serialNumber: '356938035643817',
    location: haiphong,
    assignee: 'tuan.do@tcex.example',
    price: vnd(14_990_000n),
    purchaseTime: new Date('2025-03-03T08:10:00Z'),
    labels: { team: 'yard' },
  }),
  sample('scanner-0061', {
    displayName: 'Handheld barcode scanner',
    category: 'INSTRUMENT',
    status: 'IN_USE',
    serialNumber: '22138523020741',
    location: haiphong,
    price: usd(1_240n),
    purchaseTime: new Date('2024-07-15T04:00:00Z'),
    labels: { team: 'yard' },
  }),
  sample('server-hl-b07-01', {
    displayName: 'Database server 1',
    category: 'SERVER',
    status: 'IN_USE',
    serialNumber: 'J3F8R04',
    location: dataCentre,
    price: usd(24_310n, 25),
    purchaseTime: new Date('2024-09-09T01:30:00Z'),
    labels: { rack: 'b07', role: 'database' },
  }),
  sample('server-hl-b07-02', {
    displayName: 'Database server 2',
    category: 'SERVER',
    status: 'IN_USE',
    serialNumber: 'J3F8R14',
    location: dataCentre,
    price: usd(24_310n, 25),
    purchaseTime: new Date('2024-09-09T01:30:00Z'),
    labels: { rack: 'b07', role: 'database' },
  }),
  sample('server-hl-b07-03', {
    displayName: 'Spare server',
    category: 'SERVER',
    serialNumber: 'J3F8R24',
    location: dataCentre,
    price: usd(19_870n),
    purchaseTime: new Date('2024-09-09T01:30:00Z'),
    labels: { rack: 'b07', role: 'spare' },
  }),
  sample('switch-hl-b07', {
    displayName: 'Top-of-rack switch, 48 × 25 GbE',
    category: 'NETWORK',
    status: 'IN_USE',
    serialNumber: 'FDO2716A0B4',
    location: dataCentre,
    price: usd(11_995n),
    purchaseTime: new Date('2024-09-09T01:30:00Z'),
    labels: { rack: 'b07' },
  }),
  sample('router-haiphong', {
    displayName: 'Edge router',
    category: 'NETWORK',
    status: 'IN_USE',
    serialNumber: 'JN1263F9CAFA',
    location: haiphong,
    price: usd(8_450n),
    purchaseTime: new Date('2022-01-17T03:00:00Z'),
    labels: { site: 'haiphong' },
  }),
  sample('access-point-danang-02', {
    displayName: 'Wi-Fi access point',
    category: 'NETWORK',
    location: danang,
    serialNumber: 'CNK9KSS0F7',
    price: vnd(7_850_000n),
    purchaseTime: new Date('2023-12-01T02:30:00Z'),
  }),
  sample('weighbridge-haiphong', {
    displayName: 'Truck weighbridge, 80 t',
    category: 'INSTRUMENT',
    status: 'IN_USE',
    serialNumber: 'BW-80-5519',
    location: haiphong,
    price: vnd(1_280_000_000n),
    purchaseTime: new Date('2020-10-10T02:00:00Z'),
    labels: { site: 'haiphong', calibrated: '2026-04' },
  }),
  sample('generator-hoalac', {
    displayName: 'Diesel generator, 500 kVA',
    category: 'MACHINE',
    status: 'IN_USE',
    serialNumber: 'QSX15-G8-33410',
    location: dataCentre,
    price: vnd(2_150_000_000n),
    purchaseTime: new Date('2019-05-20T02:00:00Z'),
    labels: { energy: 'diesel' },
  }),
  sample('desk-saigon-114', {
    displayName: 'Height-adjustable desk',
    category: 'FURNITURE',
    status: 'IN_USE',
    location: saigon,
    assignee: 'quan.pham@tcex.example',
    price: vnd(11_200_000n),
    purchaseTime: new Date('2024-03-18T05:00:00Z'),
  }),
  sample('boardroom-table-hanoi', {
    displayName: 'Boardroom table, 16 seats',
    category: 'FURNITURE',
    status: 'IN_USE',
    location: hanoi,
    labels: { gift: 'yes' },
  }),
];
